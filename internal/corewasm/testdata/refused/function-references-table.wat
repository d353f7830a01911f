(module (func $f) (table 1 funcref (ref.func $f)))
