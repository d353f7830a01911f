;; An HTTP service that traps while it is initialised.
(component
  (core module $m
    (func $start unreachable)
    (start $start)
    (func (export "handle")))
  (core instance $i (instantiate $m))
  (func $handle (canon lift (core func $i "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.12" (instance $handler)))
