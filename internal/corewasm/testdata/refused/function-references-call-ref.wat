(module (type $t (func)) (func $f) (elem declare func $f) (func (call_ref $t (ref.func $f))))
