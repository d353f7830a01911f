;; http: a handler that does what the sixth letter of the path says (served below /bad/), and never answers.
;;   f floods standard output with 100 MB of lines    g with 100 MB of one line    s spins      r recurses
;;   m fills memory                                   t fills a table              h leaks handles
;;   u traps                                          anything else returns without an answer
(component
  (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $os (sub resource)))
    (type $se (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $se' (eq $se)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $os)) (param "contents" (list u8)) (result (result (error $se')))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout (export "get-stdout" (func (result (own $output-stream))))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type $req (sub resource)))
    (export "response-outparam" (type (sub resource)))
    (export "[method]incoming-request.path-with-query" (func (param "self" (borrow $req)) (result (option string))))))
  (alias export $types "incoming-request" (type $incoming-request))
  (alias export $types "response-outparam" (type $response-outparam))
  (core module $mem
    (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $mem (instantiate $mem))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem "memory")))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $path (canon lower (func $types "[method]incoming-request.path-with-query") (memory $mem "memory") (realloc (func $mem "realloc"))))
  (core module $m
    (import "h" "memory" (memory 2))
    (import "h" "write" (func $write (param i32 i32 i32 i32)))
    (import "h" "get" (func $get (result i32)))
    (import "h" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "h" "path" (func $path (param i32 i32)))
    (table $t 1 funcref)
    (func $r (call $r))
    (func $flood (param $every i32) (local $i i32) (local $out i32)
      (memory.fill (i32.const 8192) (i32.const 120) (i32.const 4096))
      (loop $fill ;; a line end after so many bytes
        (i32.store8 offset=8191 (local.tee $i (i32.add (local.get $i) (local.get $every))) (i32.const 10))
        (br_if $fill (i32.lt_u (local.get $i) (i32.const 4096))))
      (local.set $out (call $get))
      (local.set $i (i32.const 25600))
      (loop $more
        (call $write (local.get $out) (i32.const 8192) (i32.const 4096) (i32.const 16))
        (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
    (func (export "handle") (param $request i32) (param $answer i32) (local $what i32) (local $n i32)
      (call $path (local.get $request) (i32.const 0))
      (local.set $what (i32.load8_u offset=5 (i32.load (i32.const 4))))
      (if (i32.eq (local.get $what) (i32.const 0x66)) (then (call $flood (i32.const 64))))
      (if (i32.eq (local.get $what) (i32.const 0x67)) (then (call $flood (i32.const 50000))))
      (if (i32.eq (local.get $what) (i32.const 0x73)) (then (loop (br 0))))
      (if (i32.eq (local.get $what) (i32.const 0x72)) (then (call $r)))
      (if (i32.eq (local.get $what) (i32.const 0x6d)) (then
        (loop $grow
          (local.set $n (memory.grow (i32.const 16)))
          (if (i32.ne (local.get $n) (i32.const -1)) (then
            (memory.fill (i32.mul (local.get $n) (i32.const 65536)) (i32.const 1) (i32.const 0x100000))
            (br $grow))))))
      (if (i32.eq (local.get $what) (i32.const 0x74)) (then
        (loop $grow (br_if $grow (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))))
      (if (i32.eq (local.get $what) (i32.const 0x68)) (then (loop (drop (call $subscribe (i64.const 1000000000))) (br 0))))
      (if (i32.eq (local.get $what) (i32.const 0x75)) (then unreachable))))
  (core instance $i (instantiate $m (with "h" (instance
    (export "memory" (memory $mem "memory")) (export "write" (func $write)) (export "get" (func $get))
    (export "subscribe" (func $subscribe)) (export "path" (func $path))))))
  (func $handle (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))
    (canon lift (core func $i "handle")))
  (component $handler
    (import "req" (type $req (sub resource)))
    (import "out" (type $out (sub resource)))
    (import "handle" (func $f (param "request" (own $req)) (param "response-out" (own $out))))
    (export "handle" (func $f)))
  (instance $handler (instantiate $handler
    (with "req" (type $incoming-request)) (with "out" (type $response-outparam)) (with "handle" (func $handle))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
