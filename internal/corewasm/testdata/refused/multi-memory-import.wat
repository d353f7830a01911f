(module (import "" "m" (memory 1)) (memory 1))
