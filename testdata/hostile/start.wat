;; start: its start function never ends.
(component
  (core module $m
    (func $spin (loop (br 0)))
    (start $spin)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
