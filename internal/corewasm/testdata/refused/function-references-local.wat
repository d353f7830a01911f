(module (type $t (func)) (func (local (ref null $t))))
