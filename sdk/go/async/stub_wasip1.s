// Makes the compiler take functions without a body, which the host and the runtime have.
