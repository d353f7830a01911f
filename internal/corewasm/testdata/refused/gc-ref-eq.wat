(module (func (drop (ref.eq (ref.null eq) (ref.null eq)))))
