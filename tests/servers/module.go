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
		file := filepath.Join(dir, executable(name))
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		return file, build(dir, file, "", pkg+"@"+version)
	})
}

// executable is the name of the file of a command.
func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// build builds a command, as the module in the folder in knows it, into a file. Packages are tested at once: each builds for itself, and the last one to be ready stays.
func build(dir, file, in, command string) error {
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
	build.Dir, build.Stderr = in, os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	return os.Rename(filepath.Join(tmp, filepath.Base(file)), file)
}
