;; A component that uses a gated feature.
(component (type error-context) (import "f" (func (param "e" error-context))))
