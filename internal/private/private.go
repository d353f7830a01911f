// Package private makes and checks folders in which nobody but this process's user can put anything, for caches that are trusted.
package private

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Error says that another user could have written what is at a path.
type Error struct{ Path, Why string }

// Error names the folder or file, and who can change it.
func (e *Error) Error() string { return e.Path + " " + e.Why }

// Root makes a folder, where it is not there yet, and returns its path without symbolic links. It is an *Error if others can change what is
// in it, or put another folder in its place.
func Root(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	return dir, checkOuter(dir)
}

// Existing is the path, without symbolic links, of a folder that is there and may be the system's: it is an *Error if others than the system's user and this
// process's can put another folder in its place. What is in it has to be checked by Trusted.
func Existing(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	return dir, checkOuter(dir)
}

// checkOuter checks a folder around those of Folder, and its parents: no other user may be able to replace one. In a sticky folder no other user can.
func checkOuter(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if why := foreign(info, systems|sticky); why != "" {
		return &Error{dir, why}
	}
	for outer := filepath.Dir(dir); ; outer = filepath.Dir(outer) {
		info, err := os.Stat(outer)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o002 != 0 && checksModes && info.Mode()&fs.ModeSticky == 0 {
			return &Error{outer, "can be written to by everybody"}
		}
		if outer == filepath.Dir(outer) {
			return nil
		}
	}
}

// Folder makes a folder that no other user can write to, or checks one that exists: it is an *Error if it is another user's, if others can write to it, or if it is no
// folder. The folder around it must be one of Root or Folder.
func Folder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &Error{path, "is no folder"}
	}
	if why := Foreign(info); why != "" {
		return &Error{path, why}
	}
	return nil
}

// Foreign says why another user may have written what is at a path; empty if only this process's user can write to it.
func Foreign(info fs.FileInfo) string { return foreign(info, ours) }

// Trusted says why others than the system's user and this process's may have written what is at a path; empty if they cannot.
func Trusted(info fs.FileInfo) string { return foreign(info, ours|systems) }

// whose is what foreign accepts.
type whose uint8

const (
	ours    whose = 0
	systems whose = 1 << iota // also the system's user's
	sticky                    // also a folder that everybody can write to, if nobody can replace the folders of others in it
)
