package cli

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writeWhole writes a file that somebody else, or a crash, finds whole or as it was before: it is written beside its place and renamed. A file that is
// there keeps its permissions; what is there and no file, such as a device or a pipe, is written to. mode is without what the umask takes.
func writeWhole(file string, data []byte, mode fs.FileMode) error {
	if to, err := filepath.EvalSymlinks(file); err == nil {
		file = to // a link stays one
	}
	info, err := os.Stat(file)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return os.WriteFile(file, data, mode) // of a folder it is the error
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	beside := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+"."+rand.Text())
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			path.Path = file // the one that was asked for
		}
		return err
	}
	_, err = f.Write(data)
	if info != nil && err == nil {
		err = f.Chmod(mode) // the umask does not hold for what is there
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(beside, file)
	}
	if err != nil {
		_ = os.Remove(beside)
	}
	return err
}
