//go:build !unix

package wasi_test

import "errors"

// mkfifo fails: named pipes are no files here.
func mkfifo(string) error { return errors.ErrUnsupported }
