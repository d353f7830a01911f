package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// fromModule gives the path of a server's binary, which is built from its Go module once and kept in the user's cache. pkg is the
// path of the command's package; name is that of the binary.
func fromModule(name, pkg, version string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir := filepath.Join(cache, "vitrine", "servers", name+"-"+version)
		file := filepath.Join(dir, name)
		if runtime.GOOS == "windows" {
			file += ".exe"
		}
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		return file, build(dir, file, pkg+"@"+version)
	})
}

// build builds a command into a file. Packages are tested at once: each builds for itself, and the last one to be ready stays.
func build(dir, file, command string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(dir, "build")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	build := exec.Command("go", "install", command)
	build.Env = append(os.Environ(), "GOBIN="+tmp, "GOFLAGS=", "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	return os.Rename(filepath.Join(tmp, filepath.Base(file)), file)
}
