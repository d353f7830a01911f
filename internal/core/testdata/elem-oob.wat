;; Its active segment does not fit the imported table unless that has grown.
(module
  (import "" "table" (table 2 funcref))
  (func $f)
  (func (export "ok"))
  (elem (i32.const 2) $f $f))
