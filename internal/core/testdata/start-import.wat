(module (import "host" "fail" (func $f)) (start $f))
