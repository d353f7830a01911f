// Makes the compiler take sbrk, which has no body here.
