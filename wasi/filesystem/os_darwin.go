package filesystem

// utimeOmit leaves a time as it is (sys/stat.h).
const utimeOmit = -2
