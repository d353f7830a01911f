;; stops: its start function traps.
(component
  (core module $m
    (func $stop unreachable)
    (start $stop)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
