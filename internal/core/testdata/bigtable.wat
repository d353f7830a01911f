(module (table 20000000 funcref))
