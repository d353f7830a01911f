// Makes the compiler take functions without a body, which the host has.
