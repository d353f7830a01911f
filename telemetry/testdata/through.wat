;; Middleware of WASI 0.2: hands each request on to the handler that it imports.
(component
  (import "wasi:http/types@0.2.12" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $out))
  (import "wasi:http/incoming-handler@0.2.12" (instance $next
    (alias outer 1 $request (type $r))
    (alias outer 1 $out (type $o))
    (export "incoming-request" (type (eq $r)))
    (export "response-outparam" (type (eq $o)))
    (export "handle" (func (param "request" (own $r)) (param "response-out" (own $o))))))
  (core func $handle (canon lower (func $next "handle")))
  (core module $m
    (import "" "handle" (func $handle (param i32 i32)))
    (func (export "handle") (param i32 i32)
      local.get 0
      local.get 1
      call $handle))
  (core instance $i (instantiate $m (with "" (instance (export "handle" (func $handle))))))
  (func $f (param "request" (own $request)) (param "response-out" (own $out)) (canon lift (core func $i "handle")))
  (instance $handler
    (export "incoming-request" (type $request))
    (export "response-outparam" (type $out))
    (export "handle" (func $f)))
  (export "wasi:http/incoming-handler@0.2.12" (instance $handler)))
