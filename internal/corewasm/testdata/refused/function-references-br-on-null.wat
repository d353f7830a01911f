(module (func (drop (br_on_null 0 (ref.null func)))))
