package filesystem

// utimeOmit leaves a time unchanged (sys/stat.h).
const utimeOmit = -2
