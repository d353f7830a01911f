#include "textflag.h"

DATA ·collectorMarks(SB)/8, $runtime·gcBlackenEnabled(SB)
GLOBL ·collectorMarks(SB), RODATA|NOPTR, $8

// func gcBlackenEnabled() **uint32
TEXT ·gcBlackenEnabled(SB), NOSPLIT, $0-8
	MOVD $·collectorMarks(SB), ret+0(FP)
	RET
