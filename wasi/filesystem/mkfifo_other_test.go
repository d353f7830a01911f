//go:build !unix

package filesystem

import "errors"

// mkfifo fails: named pipes are no files here.
func mkfifo(string) error { return errors.ErrUnsupported }
