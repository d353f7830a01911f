;; greedy: it starts with more memory and more table elements than anybody needs.
(component
  (core module $m
    (memory 200)
    (table 1000000 funcref)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
