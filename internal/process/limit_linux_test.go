package process

import (
	"io/fs"
	"testing"
)

// The smallest of what the machine and the control groups allow is the limit.
func TestMemoryLimit(t *testing.T) {
	const meminfo = "MemTotal:       16384000 kB\nMemFree: 1 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  uint64
	}{
		"nothing is known":           {nil, 0},
		"a machine":                  {map[string]string{"/proc/meminfo": meminfo}, 16384000 << 10},
		"version 2":                  {map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/app\n", "/sys/fs/cgroup/app/memory.max": "1048576\n"}, 1 << 20},
		"version 2, a parent":        {map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "2097152\n"}, 2 << 20},
		"version 2, in a container":  {map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "3145728\n"}, 3 << 20},
		"version 2, the host's path": {map[string]string{"/proc/self/cgroup": "0::/system.slice/docker-1.scope\n", "/sys/fs/cgroup/memory.max": "3145728\n"}, 3 << 20},
		"version 1": {map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n",
			"/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "4194304\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 4 << 20},
		"version 1, without a limit": {map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16384000 << 10},
		"nonsense":                   {map[string]string{"/proc/meminfo": "MemTotal: x kB\n", "/proc/self/cgroup": "a\n0::/../..\n", "/sys/fs/cgroup/memory.max": "-1\n"}, 0},
	} {
		read := func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		}
		if got := memoryLimit(read); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// What the kernel says of this process makes sense.
func TestRead(t *testing.T) {
	s := Read()
	if s.Resident < 1<<20 || s.Virtual < s.Resident || s.Threads < 1 || s.Descriptors < 3 || s.User < 0 || s.System < 0 {
		t.Errorf("%+v", s)
	}
}
