package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// read reads the process's files of the kernel (proc(5)).
func (s *Stats) read() {
	s.Resident, s.Virtual = memory()
	s.times()
	if names, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.Descriptors = int64(len(names)) - 1 // without the one that reads the folder
	}
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return
	}
	if at := bytes.LastIndexByte(text, ')'); at >= 0 { // the program's name may hold anything
		if fields := strings.Fields(string(text[at+1:])); len(fields) > 17 {
			s.Threads = number(fields[17])
		}
	}
}

// memory is the resident and the virtual memory in bytes.
func memory() (resident, virtual int64) {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return -1, -1
	}
	page := int64(os.Getpagesize())
	return number(fields[1]) * page, number(fields[0]) * page
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
