;; turns: components whose calls stop half way, in a host function, so that others can have their turn.
;;
;; Two workers stand side by side, so that two invocations can be in one store at once. A front calls both of them. run does
;; n units of work before and after it parks; grow asks for pages of memory and parks; spin parks and never ends.
(component
  (import "park" (func $park))
  (import "thing" (type $thing (sub resource)))
  (import "make" (func $make (result (own $thing))))
  (import "look" (func $look (param "t" (borrow $thing))))

  (component $worker
    (import "park" (func $park))
    (core func $park' (canon lower (func $park)))
    (core func $get (canon context.get i32 0))
    (core func $set (canon context.set i32 0))
    (core module $m
      (import "h" "park" (func $park))
      (import "h" "get" (func $get (result i32)))
      (import "h" "set" (func $set (param i32)))
      (memory 1)
      (func $work (param i32)
        (loop (br_if 0 (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0)))))
      (func (export "run") (param $n i32) (result i32)
        (call $set (local.get $n))
        (call $work (local.get $n))
        (call $park)
        (call $work (local.get $n))
        (call $get))
      (func (export "grow") (param $pages i32) (result i32)
        (local.set $pages (memory.grow (local.get $pages)))
        (call $park)
        (local.get $pages))
      (func (export "spin") (call $park) (loop (br 0))))
    (core instance $i (instantiate $m (with "h" (instance
      (export "park" (func $park')) (export "get" (func $get)) (export "set" (func $set))))))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run")))
    (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $i "grow")))
    (func (export "spin") (canon lift (core func $i "spin"))))

  (instance $a (instantiate $worker (with "park" (func $park))))
  (instance $b (instantiate $worker (with "park" (func $park))))

  (component $front
    (import "park" (func $park))
    (import "a" (func $a (param "n" u32) (result u32)))
    (import "b" (func $b (param "n" u32) (result u32)))
    (core func $park' (canon lower (func $park)))
    (core func $a' (canon lower (func $a)))
    (core func $b' (canon lower (func $b)))
    (core module $m
      (import "h" "park" (func $park))
      (import "h" "a" (func $a (param i32) (result i32)))
      (import "h" "b" (func $b (param i32) (result i32)))
      (func (export "both") (param i32) (result i32)
        (call $park)
        (i32.add (call $a (local.get 0)) (call $b (i32.mul (local.get 0) (i32.const 2))))))
    (core instance $i (instantiate $m (with "h" (instance (export "park" (func $park')) (export "a" (func $a')) (export "b" (func $b'))))))
    (func (export "both") (param "n" u32) (result u32) (canon lift (core func $i "both"))))
  (instance $f (instantiate $front (with "park" (func $park)) (with "a" (func $a "run")) (with "b" (func $b "run"))))

  ;; Makes a resource of the host's, lends it, and drops it.
  (component $user
    (import "thing" (type $thing (sub resource)))
    (import "make" (func $make (result (own $thing))))
    (import "look" (func $look (param "t" (borrow $thing))))
    (core func $make' (canon lower (func $make)))
    (core func $look' (canon lower (func $look)))
    (core func $drop (canon resource.drop $thing))
    (core module $m
      (import "h" "make" (func $make (result i32)))
      (import "h" "look" (func $look (param i32)))
      (import "h" "drop" (func $drop (param i32)))
      (func (export "use") (local $h i32)
        (local.set $h (call $make))
        (call $look (local.get $h))
        (call $drop (local.get $h))))
    (core instance $i (instantiate $m (with "h" (instance (export "make" (func $make')) (export "look" (func $look')) (export "drop" (func $drop))))))
    (func (export "use") (canon lift (core func $i "use"))))
  (instance $u (instantiate $user (with "thing" (type $thing)) (with "make" (func $make)) (with "look" (func $look))))

  (export "a-run" (func $a "run"))
  (export "a-grow" (func $a "grow"))
  (export "a-spin" (func $a "spin"))
  (export "b-run" (func $b "run"))
  (export "b-grow" (func $b "grow"))
  (export "b-spin" (func $b "spin"))
  (export "both" (func $f "both"))
  (export "use" (func $u "use")))
