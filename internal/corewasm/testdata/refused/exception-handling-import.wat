(module (import "" "t" (tag)))
