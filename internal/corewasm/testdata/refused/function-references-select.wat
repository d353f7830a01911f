(module (type $t (func)) (func unreachable (select (result (ref $t))) drop))
