(module (func (drop (ref.as_non_null (ref.null func)))))
