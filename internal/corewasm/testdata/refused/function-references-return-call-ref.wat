(module (type $t (func)) (func $f) (elem declare func $f) (func (return_call_ref $t (ref.func $f))))
