(module (type $t (func)) (func (drop (ref.null $t))))
