;; Written by tests/surface from plugin/messaging/wit/0.2. DO NOT EDIT.
(component $surface
(core module $mem
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 16))
  (func $alloc (export "alloc") (param $n i32) (result i32)
    (local $p i32)
    (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $p) (local.get $n)))
    (block $fits
      (loop $more
        (br_if $fits (i32.le_u (global.get $top) (i32.shl (memory.size) (i32.const 16))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
        (br $more)))
    (local.get $p))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (local $p i32)
    (local.set $p (call $alloc (local.get 3)))
    (memory.copy (local.get $p) (local.get 0) (local.get 1))
    (local.get $p))
  ;; tasks that go on when their call has returned keep the heap
  (global $pins (mut i32) (i32.const 0))
  (func (export "pin") (param i32) (global.set $pins (i32.add (global.get $pins) (local.get 0))))
  (func $post (export "post") (if (i32.eqz (global.get $pins)) (then (global.set $top (i32.const 16)))))
  (func (export "post-i32") (param i32) (call $post))
  (func (export "post-i64") (param i64) (call $post)))
(core instance $mem (instantiate $mem))
(alias core export $mem "memory" (core memory $m))
(alias core export $mem "realloc" (core func $r))
(import "wasmcloud:messaging/types@0.2.0" (instance $messaging_types
  (type $broker-message' (record (field "subject" string) (field "body" (list u8)) (field "reply-to" (option string))))
  (export "broker-message" (type $broker-message (eq $broker-message')))
))
(alias export $messaging_types "broker-message" (type $messaging_types.broker-message))
(import "wasmcloud:messaging/consumer@0.2.0" (instance $messaging_consumer
  (alias outer $surface $messaging_types.broker-message (type $broker-message'))
  (export "broker-message" (type $broker-message (eq $broker-message')))
  (export "request" (func (param "subject" string) (param "body" (list u8)) (param "timeout-ms" u32) (result (result $broker-message (error string)))))
  (export "publish" (func (param "msg" $broker-message) (result (result (error string)))))
))
(alias export $messaging_consumer "broker-message" (type $messaging_consumer.broker-message))
(core func $f1 (canon lower (func $messaging_consumer "request") (memory $m) (realloc $r)))
(core func $f2 (canon lower (func $messaging_consumer "publish") (memory $m) (realloc $r)))
(core module $code
(import "mem" "memory" (memory 1))
(import "mem" "alloc" (func $alloc (param i32) (result i32)))
(import "mem" "pin" (func $pin (param i32)))
(import "host" "f1" (func $f1 (param i32 i32 i32 i32 i32 i32)))
(import "host" "f2" (func $f2 (param i32 i32 i32 i32 i32 i32 i32 i32)))
;; wasmcloud:messaging/consumer@0.2.0#request
(func (export "f1") (param i32 i32 i32 i32 i32) (result i32) (local $r i32) (local $i i32) (local.set $r (call $alloc (i32.const 32)))(call $f1 (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get $r)) (local.get $r))
;; wasmcloud:messaging/consumer@0.2.0#publish
(func (export "f2") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (local $r i32) (local $i i32) (local.set $r (call $alloc (i32.const 12)))(call $f2 (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get $r)) (local.get $r))
)
(core instance $imports
  (export "f1" (func $f1))
  (export "f2" (func $f2))
)
(core instance $code (instantiate $code (with "mem" (instance $mem)) (with "host" (instance $imports))))
(instance $messaging_types_out
)
(export "surface:messaging/types" (instance $messaging_types_out))
(func $f1 (param "subject" string) (param "body" (list u8)) (param "timeout-ms" u32) (result (result $messaging_consumer.broker-message (error string))) (canon lift (core func $code "f1") (memory $m) (realloc $r) (post-return (func $mem "post-i32"))))
(func $f2 (param "msg" $messaging_consumer.broker-message) (result (result (error string))) (canon lift (core func $code "f2") (memory $m) (realloc $r) (post-return (func $mem "post-i32"))))
(instance $messaging_consumer_out
  (export "request" (func $f1))
  (export "publish" (func $f2))
)
(export "surface:messaging/consumer" (instance $messaging_consumer_out))
)
