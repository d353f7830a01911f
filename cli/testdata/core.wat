;; No component.
(module)
