//go:build !unix

package wasi_test

import "errors"

// mkfifo fails: this system has no named pipes in the file system.
func mkfifo(string) error { return errors.ErrUnsupported }
