package process

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// MemoryLimit is how many bytes of memory the process may have: what its control groups, of either version, allow, and at most what the machine has;
// 0 where the system does not say.
func MemoryLimit() uint64 { return memoryLimit(os.ReadFile) }

// memoryLimit is MemoryLimit with the files that read reads.
func memoryLimit(read func(string) ([]byte, error)) uint64 {
	limit := machineMemory(read)
	least := func(n uint64) {
		if n > 0 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	groups, err := read("/proc/self/cgroup")
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(groups)) { // ID:controllers:path, cgroups(7)
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if fields[1] != "" {
			if !strings.Contains(","+fields[1]+",", ",memory,") {
				continue
			}
			root, file = root+"/memory", "memory.limit_in_bytes"
		}
		// A group's limit bounds all below it. In a container the path may be the host's, of which only the root is there.
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			if text, err := read(path.Join(root, dir, file)); err == nil {
				if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil { // "max" is none
					least(n)
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	return limit
}

// machineMemory is the memory that the machine has.
func machineMemory(read func(string) ([]byte, error)) uint64 {
	text, err := read("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "MemTotal:" {
			kb, err := strconv.ParseUint(fields[1], 10, 54)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 0
}
