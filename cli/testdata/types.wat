;; An exported interface and a function of the component itself, whose types have names of their own: as wit-component makes
;; the first (a component that gives the types their names and the function the type that they make), and the second.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "get") (param i32 i32) (result i32) (i32.const 0)))
  (core instance $m (instantiate $m))
  (type $bare (record (field "x" u32) (field "y" u32)))
  (func $get (param "from" $bare) (result (list $bare))
    (canon lift (core func $m "get") (memory $m "memory") (realloc (func $m "realloc"))))
  (component $shim
    (type $bare (record (field "x" u32) (field "y" u32)))
    (import "import-type-point" (type $point (eq $bare)))
    (import "import-func-get" (func $get (param "from" $point) (result (list $point))))
    (export $named "point" (type $point))
    (export "get" (func $get) (func (param "from" $named) (result (list $named)))))
  (instance $geo (instantiate $shim (with "import-func-get" (func $get)) (with "import-type-point" (type $bare))))
  (export "acme:geo/points@1.0.0" (instance $geo))
  (export $corner "corner" (type $bare))
  (export "turn" (func $get) (func (param "from" $corner) (result (list $corner)))))
