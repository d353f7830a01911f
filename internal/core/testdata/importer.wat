;; Imports everything that basics exports, and exports some of it again.
(module
  (import "" "memory" (memory 1))
  (import "" "table" (table 2 funcref))
  (import "" "id" (func $id (param i32) (result i32)))
  (import "host" "double" (func $double (param i32) (result i32)))
  (export "mem" (memory 0))
  (export "id2" (func $id))
  (export "double" (func $double))
  (func (export "read") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (elem (i32.const 1) $id)
)
