;; says: a handler that writes each value of its environment to standard output, a line each, and never answers.
(component
  (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $os (sub resource)))
    (type $se (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $se' (eq $se)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $os)) (param "contents" (list u8)) (result (result (error $se')))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout (export "get-stdout" (func (result (own $output-stream))))))
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))))
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $incoming-request))
  (alias export $types "response-outparam" (type $response-outparam))
  (core module $mem
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 1024))
    (data (i32.const 16) "\n")
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (global.get $next)
      (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get $size)) (i32.const 7)) (i32.const -8)))))
  (core instance $mem (instantiate $mem))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem "memory")))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $env (canon lower (func $environment "get-environment") (memory $mem "memory") (realloc (func $mem "realloc"))))
  (core module $m
    (import "h" "memory" (memory 2))
    (import "h" "write" (func $write (param i32 i32 i32 i32)))
    (import "h" "get" (func $get (result i32)))
    (import "h" "env" (func $env (param i32)))
    (func (export "handle") (param i32 i32) (local $at i32) (local $n i32) (local $out i32)
      (call $env (i32.const 0))
      (local.set $at (i32.load (i32.const 0)))
      (local.set $n (i32.load (i32.const 4)))
      (local.set $out (call $get))
      (loop $more
        (if (local.get $n) (then
          (call $write (local.get $out) (i32.load offset=8 (local.get $at)) (i32.load offset=12 (local.get $at)) (i32.const 32))
          (call $write (local.get $out) (i32.const 16) (i32.const 1) (i32.const 32))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $more))))))
  (core instance $i (instantiate $m (with "h" (instance
    (export "memory" (memory $mem "memory")) (export "write" (func $write)) (export "get" (func $get)) (export "env" (func $env))))))
  (func $handle (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam)) (canon lift (core func $i "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
