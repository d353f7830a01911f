package cli

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropStartPages has the kernel unmap the pages of the program's own file: code and tables that only the start has needed are half of what a small
// server has in memory. What is needed again is mapped again, mostly out of the page cache, sixteen pages at a time. A mapping with pages of its own
// (relocations of a position-independent program) is left as it is: they could not be had again.
func dropStartPages() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	var from, to uint64 // of the mapping whose fields follow
	for lines := bufio.NewScanner(bytes.NewReader(smaps)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) >= 5 && strings.Contains(f[0], "-") {
			from, to = 0, 0
			if readOnly := strings.HasPrefix(f[1], "r-"); readOnly && strings.HasSuffix(lines.Text(), " "+program) {
				a, b, _ := strings.Cut(f[0], "-")
				from, _ = strconv.ParseUint(a, 16, 64)
				to, _ = strconv.ParseUint(b, 16, 64)
			}
		}
		if len(f) == 3 && f[0] == "Anonymous:" && f[1] == "0" && from < to {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(from), uintptr(to-from), unix.MADV_DONTNEED) // no []byte may be made of it
		}
	}
}
