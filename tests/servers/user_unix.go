//go:build unix

package servers

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// other is the user as whom servers run that refuse to run as root; nil where the tests do not run as root.
func other() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
}

// asOther has a command run as that user.
func asOther(c *exec.Cmd) {
	if o := other(); o != nil {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: o}
	}
}

// giveAway makes that user the owner of files.
func giveAway(files ...string) error {
	o := other()
	for _, f := range files {
		if o == nil {
			break
		}
		if err := os.Chown(f, int(o.Uid), int(o.Gid)); err != nil {
			return err
		}
	}
	return nil
}
