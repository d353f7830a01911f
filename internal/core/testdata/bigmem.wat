(module (memory (export "memory") 100))
