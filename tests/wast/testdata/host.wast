;; What the fixture host offers, and what it means that later components import from named instances.

(component
  (import "host-return-two" (func $two (result u32)))
  (import "host" (instance $host
    (export "return-three" (func (result u32)))
    (export "return-hi" (func (result string)))
    (export "nested" (instance (export "return-four" (func (result u32)))))
    (export "simple-module" (core module
      (export "f" (func (result i32)))
      (export "g" (global i32))))))
  (core instance $simple (instantiate (module $host "simple-module")))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
  (core instance $libc (instantiate $libc))
  (core func $two' (canon lower (func $two)))
  (core func $three' (canon lower (func $host "return-three")))
  (core func $four' (canon lower (func $host "nested" "return-four")))
  (core func $hi' (canon lower (func $host "return-hi")
    (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core module $m
    (import "simple" "f" (func $f (result i32)))
    (import "simple" "g" (global $g i32))
    (import "host" "two" (func $two (result i32)))
    (import "host" "three" (func $three (result i32)))
    (import "host" "four" (func $four (result i32)))
    (import "host" "hi" (func $hi (param i32)))
    (import "libc" "memory" (memory 1))
    (func (export "sum") (result i32)
      (i32.add (i32.add (call $f) (global.get $g))
        (i32.add (call $two) (i32.add (call $three) (call $four)))))
    (func (export "hi") (result i32) (call $hi (i32.const 8)) i32.const 8))
  (core instance $i (instantiate $m
    (with "simple" (instance $simple))
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "two" (func $two')) (export "three" (func $three')) (export "four" (func $four')) (export "hi" (func $hi'))))))
  (func (export "sum") (result u32) (canon lift (core func $i "sum")))
  (func (export "hi") (result string) (canon lift (core func $i "hi") (memory $libc "memory"))))
(assert_return (invoke "sum") (u32.const 210))
(assert_return (invoke "hi") (str.const "hi"))

;; functions of asynchronous type, lowered synchronously
(component
  (import "host-echo-u32" (func $echo (param "v" u32) (result u32)))
  (import "host" (instance $host
    (export "resource1" (type $r (sub resource)))
    (export "return-two-slowly" (func async (result s32)))
    (export "echo-slowly" (func async (param "v" u32) (result u32)))
    (export "never-return" (func async))
    (export "[method]resource1.never-return" (func async (param "self" (borrow $r))))))
  (core func $echo' (canon lower (func $echo)))
  (core func $two' (canon lower (func $host "return-two-slowly")))
  (core func $slow' (canon lower (func $host "echo-slowly")))
  (core module $m
    (import "" "echo" (func $echo (param i32) (result i32)))
    (import "" "two" (func $two (result i32)))
    (import "" "slow" (func $slow (param i32) (result i32)))
    (func (export "run") (result i32)
      (i32.add (call $echo (i32.const 30)) (i32.add (call $two) (call $slow (i32.const 10))))))
  (core instance $i (instantiate $m (with "" (instance
    (export "echo" (func $echo')) (export "two" (func $two')) (export "slow" (func $slow'))))))
  (func (export "run") async (result u32) (canon lift (core func $i "run"))))
(assert_return (invoke "run") (u32.const 42))

;; a function of the host that is handed on
(component $again
  (import "host-return-two" (func $two (result u32)))
  (export "two" (func $two)))
(assert_return (invoke "two") (u32.const 2))

;; what cannot be served
(assert_unlinkable (component (import "nobody" (func))) "nothing under that name")
(assert_unlinkable (component (import "nobody" (core module))) "nothing under that name")
(assert_unlinkable (component (import "host-return-two" (func (result string)))) "want string")
(assert_unlinkable
  (component (import "c" (component $c (export "f" (func)))) (instance $i (instantiate $c)) (export "f" (func $i "f")))
  "wanted a component")
(assert_unlinkable
  (component (import "i" (instance $i (export "c" (component)))) (instance (instantiate (component $i "c"))))
  "wanted a component")
(assert_unlinkable (component (import "host-return-two" (instance))) "something else")
(assert_unlinkable (component (import "host" (instance (export "resource3" (type (sub resource)))))) "nothing under that name")
(assert_unlinkable
  (component (import "host" (instance
    (export "resource1" (type (sub resource)))
    (export "resource2" (type $r (sub resource)))
    (export "resource1-again" (type (eq $r))))))
  "another resource type")
(assert_unlinkable
  (component (import "host" (instance (export "simple-module" (core module (export "f" (func (param i32))))))))
  "a function of another type")
(assert_unlinkable
  (component (import "host" (instance (export "simple-module" (core module (export "h" (func)))))))
  "does not export \"h\"")
(component
  (import "nobody" (instance))
  (import "host" (instance
    (export "resource1" (type $r (sub resource)))
    (export "resource2" (type (sub resource)))
    (export "resource1-again" (type (eq $r)))
    (export "not-there" (type (eq $r))))))

;; resources of the host
(component
  (import "host" (instance $host
    (export "resource1" (type $r (sub resource)))
    (export "[constructor]resource1" (func (param "rep" u32) (result (own $r))))
    (export "[static]resource1.assert" (func (param "r" (own $r)) (param "rep" u32)))
    (export "[method]resource1.simple" (func (param "self" (borrow $r)) (param "rep" u32)))
    (export "[method]resource1.take-borrow" (func (param "self" (borrow $r)) (param "b" (borrow $r))))
    (export "[method]resource1.take-own" (func (param "self" (borrow $r)) (param "b" (own $r))))
    (export "[static]resource1.last-drop" (func (result u32)))
    (export "[static]resource1.drops" (func (result u32)))))
  (alias export $host "resource1" (type $r))
  (core func $new (canon lower (func $host "[constructor]resource1")))
  (core func $assert (canon lower (func $host "[static]resource1.assert")))
  (core func $simple (canon lower (func $host "[method]resource1.simple")))
  (core func $take-borrow (canon lower (func $host "[method]resource1.take-borrow")))
  (core func $take-own (canon lower (func $host "[method]resource1.take-own")))
  (core func $last (canon lower (func $host "[static]resource1.last-drop")))
  (core func $drops (canon lower (func $host "[static]resource1.drops")))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "assert" (func $assert (param i32 i32)))
    (import "" "simple" (func $simple (param i32 i32)))
    (import "" "take-borrow" (func $take-borrow (param i32 i32)))
    (import "" "take-own" (func $take-own (param i32 i32)))
    (import "" "last" (func $last (result i32)))
    (import "" "drops" (func $drops (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "run") (result i32) (local $a i32) (local $b i32)
      (local.set $a (call $new (i32.const 10)))
      (local.set $b (call $new (i32.const 20)))
      (call $simple (local.get $b) (i32.const 20))
      (call $take-borrow (local.get $a) (local.get $b))
      (call $take-own (local.get $a) (local.get $b))
      (call $drop (local.get $a))
      (call $assert (call $new (i32.const 30)) (i32.const 30))
      (i32.add (call $last) (i32.mul (i32.const 1000) (call $drops))))
    (func (export "wrong") (call $simple (call $new (i32.const 1)) (i32.const 2))))
  (core instance $i (instantiate $m (with "" (instance
    (export "new" (func $new)) (export "assert" (func $assert)) (export "simple" (func $simple))
    (export "take-borrow" (func $take-borrow)) (export "take-own" (func $take-own))
    (export "last" (func $last)) (export "drops" (func $drops)) (export "drop" (func $drop))))))
  (func (export "run") (result u32) (canon lift (core func $i "run")))
  (func (export "wrong") (canon lift (core func $i "wrong"))))
(assert_return (invoke "run") (u32.const 1010))
(assert_trap (invoke "wrong") "number 1, and not 2")
(assert_trap (invoke "run") "instance trapped before")

;; a named instance serves later components: functions, a resource type with its destructor, a core module
(component definition $counter
  (core module $m
    (global $n (mut i32) (i32.const 0))
    (func (export "dtor") (param i32) (global.set $n (i32.add (global.get $n) (local.get 0))))
    (func (export "count") (result i32) (global.get $n)))
  (core instance $i (instantiate $m))
  (type $thing' (resource (rep i32) (dtor (func $i "dtor"))))
  (export $thing "thing" (type $thing'))
  (core func $new (canon resource.new $thing'))
  (func (export "[constructor]thing") (param "n" u32) (result (own $thing)) (canon lift (core func $new)))
  (func (export "count") (result u32) (canon lift (core func $i "count")))
  (core module $seven (func (export "seven") (result i32) i32.const 7))
  (instance $inner (export "seven" (core module $seven)))
  (export "inner" (instance $inner)))
(component instance $one $counter)
(component instance $other $counter)
(component $user
  (import "one" (instance $one
    (export "thing" (type $thing (sub resource)))
    (export "[constructor]thing" (func (param "n" u32) (result (own $thing))))
    (export "count" (func (result u32)))
    (export "inner" (instance (export "seven" (core module (export "seven" (func (result i32)))))))))
  (alias export $one "thing" (type $thing))
  (core func $new (canon lower (func $one "[constructor]thing")))
  (core func $drop (canon resource.drop $thing))
  (core instance $seven (instantiate (module $one "inner" "seven")))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "seven" "seven" (func $seven (result i32)))
    (func (export "use") (call $drop (call $new (call $seven)))))
  (core instance $i (instantiate $m
    (with "seven" (instance $seven))
    (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "use") (canon lift (core func $i "use"))))
(assert_return (invoke "use"))
(assert_return (invoke $user "use"))
(assert_return (invoke $one "count") (u32.const 14))
(assert_return (invoke $other "count") (u32.const 0))
(assert_unlinkable
  (component
    (import "one" (instance $one (export "thing" (type $thing (sub resource)))))
    (alias export $one "thing" (type $t))
    (import "other" (instance (export "thing" (type (eq $t))))))
  "another resource type")
(assert_unlinkable (component (import "one" (func))) "nothing under that name")

;; a call back into a component that is running
(assert_trap
  (component
    (component $child
      (core module $m (func (export "f")))
      (core instance $i (instantiate $m))
      (func (export "f") (canon lift (core func $i "f"))))
    (instance $child (instantiate $child))
    (core func $f (canon lower (func $child "f")))
    (core module $m (import "" "f" (func $f)) (start $f))
    (core instance (instantiate $m (with "" (instance (export "f" (func $f)))))))
  "cannot enter component instance")

;; code that is never used is validated
(assert_invalid (component (core module (func (result i32)))) "core module")
(assert_malformed (component quote "(import") "")
