(module (func (block $b (try_table (catch_all $b)))))
