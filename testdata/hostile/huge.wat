;; huge: a memory of 4 GiB, and data at its very end.
(component
  (core module $m
    (memory 65536)
    (data (i32.const 0xfffffffc) "last")
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
