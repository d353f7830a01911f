;; calls: the three kinds of boundary with the three signatures that benchmarks use.
;;
;; It imports test:calls/host {nop, id, echo}, exports test:calls/guest with the same three functions, and
;; test:calls/run, whose functions call n times over the border that their name says: host-nop, host-id, host-echo
;; (guest → host) and peer-nop, peer-id, peer-echo (guest → guest: caller and peer stand side by side in this component,
;; because a call between a component and one inside it may be recursive and traps).
(component
  (import "test:calls/host" (instance $host
    (export "nop" (func))
    (export "id" (func (param "x" u32) (result u32)))
    (export "echo" (func (param "s" string) (result string)))))

  ;; The peer: nop, id, echo, and a bump allocator that starts over at each echo.
  (component $peer
    (core module $m
      (memory (export "memory") 1)
      (global $top (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $p i32)
        (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $p) (local.get 3)))
        (local.get $p))
      (func (export "nop"))
      (func (export "id") (param i32) (result i32) (local.get 0))
      (func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0))
        (i32.store (i32.const 20) (local.get 1))
        (i32.const 16))
      (func (export "echo-post") (param i32) (global.set $top (i32.const 1024))))
    (core instance $i (instantiate $m))
    (func (export "nop") (canon lift (core func $i "nop")))
    (func (export "id") (param "x" u32) (result u32) (canon lift (core func $i "id")))
    (func (export "echo") (param "s" string) (result string)
      (canon lift (core func $i "echo") (memory $i "memory") (realloc (func $i "realloc")) (post-return (func $i "echo-post")))))

  (instance $peer (instantiate $peer))

  (component $caller
    (import "host" (instance $host
      (export "nop" (func))
      (export "id" (func (param "x" u32) (result u32)))
      (export "echo" (func (param "s" string) (result string)))))
    (import "peer" (instance $peer
      (export "nop" (func))
      (export "id" (func (param "x" u32) (result u32)))
      (export "echo" (func (param "s" string) (result string)))))
    (core module $mem
      (memory (export "memory") 1)
      (global $top (mut i32) (i32.const 1024))
      (func (export "reset") (global.set $top (i32.const 1024)))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $p i32)
        (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $p) (local.get 3)))
        (local.get $p)))
    (core instance $mem (instantiate $mem))
    (core func $host-nop (canon lower (func $host "nop")))
    (core func $host-id (canon lower (func $host "id")))
    (core func $host-echo (canon lower (func $host "echo") (memory $mem "memory") (realloc (func $mem "realloc"))))
    (core func $peer-nop (canon lower (func $peer "nop")))
    (core func $peer-id (canon lower (func $peer "id")))
    (core func $peer-echo (canon lower (func $peer "echo") (memory $mem "memory") (realloc (func $mem "realloc"))))

    (core module $main
      (import "env" "memory" (memory 1))
      (import "env" "reset" (func $reset))
      (import "host" "nop" (func $host-nop))
      (import "host" "id" (func $host-id (param i32) (result i32)))
      (import "host" "echo" (func $host-echo (param i32 i32 i32)))
      (import "peer" "nop" (func $peer-nop))
      (import "peer" "id" (func $peer-id (param i32) (result i32)))
      (import "peer" "echo" (func $peer-echo (param i32 i32 i32)))
      (data (i32.const 64) "hello, component")
      (func (export "host-nop") (param $n i32) (result i32)
        (loop $l (call $host-nop) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (i32.const 0))
      (func (export "peer-nop") (param $n i32) (result i32)
        (loop $l (call $peer-nop) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (i32.const 0))
      (func (export "host-id") (param $n i32) (result i32) (local $s i32)
        (loop $l
          (local.set $s (i32.add (local.get $s) (call $host-id (local.get $n))))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $s))
      (func (export "peer-id") (param $n i32) (result i32) (local $s i32)
        (loop $l
          (local.set $s (i32.add (local.get $s) (call $peer-id (local.get $n))))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $s))
      (func (export "host-echo") (param $n i32) (result i32) (local $s i32)
        (loop $l
          (call $reset)
          (call $host-echo (i32.const 64) (i32.const 16) (i32.const 32))
          (local.set $s (i32.add (local.get $s) (i32.load (i32.const 36))))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $s))
      (func (export "peer-echo") (param $n i32) (result i32) (local $s i32)
        (loop $l
          (call $reset)
          (call $peer-echo (i32.const 64) (i32.const 16) (i32.const 32))
          (local.set $s (i32.add (local.get $s) (i32.load (i32.const 36))))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $s)))
    (core instance $main (instantiate $main
      (with "env" (instance $mem))
      (with "host" (instance (export "nop" (func $host-nop)) (export "id" (func $host-id)) (export "echo" (func $host-echo))))
      (with "peer" (instance (export "nop" (func $peer-nop)) (export "id" (func $peer-id)) (export "echo" (func $peer-echo))))))

    (func (export "host-nop") (param "n" u32) (result u32) (canon lift (core func $main "host-nop")))
    (func (export "host-id") (param "n" u32) (result u32) (canon lift (core func $main "host-id")))
    (func (export "host-echo") (param "n" u32) (result u32) (canon lift (core func $main "host-echo")))
    (func (export "peer-nop") (param "n" u32) (result u32) (canon lift (core func $main "peer-nop")))
    (func (export "peer-id") (param "n" u32) (result u32) (canon lift (core func $main "peer-id")))
    (func (export "peer-echo") (param "n" u32) (result u32) (canon lift (core func $main "peer-echo"))))
  (instance $run (instantiate $caller (with "host" (instance $host)) (with "peer" (instance $peer))))
  (export "test:calls/run" (instance $run))
  (export "test:calls/guest" (instance $peer)))
