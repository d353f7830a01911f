;; Changes its table, drops a segment, and keeps a vector.
(module
  (table $t 4 funcref)
  (memory 1)
  (global (mut v128) (v128.const i64x2 0 0))
  (data $d "x")
  (func $f)
  (elem declare func $f)
  (func (export "set") (table.set $t (i32.const 0) (ref.func $f)))
  (func (export "drop") (data.drop $d)))
