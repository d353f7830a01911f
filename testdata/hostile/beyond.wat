;; beyond: data that lies outside of memory.
(component
  (core module $m
    (memory 1)
    (data (i32.const 0xfffffff0) "beyond")
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
