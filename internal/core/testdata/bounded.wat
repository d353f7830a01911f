;; Its memory and its table have a maximum of their own.
(module
  (memory (export "memory") 1 3)
  (table $t 1 4 funcref)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow_table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))
