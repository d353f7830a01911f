(module (global (ref i31) (ref.i31 (i32.const 1))))
