package errno

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSystemErrors: errors of the real system have POSIX's numbers.
func TestSystemErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := listener.Addr().String()
	_, taken := net.Listen("tcp", at)
	listener.Close()
	_, refused := net.Dial("tcp", at)
	_, missing := os.Open(filepath.Join(dir, "missing"))
	for name, c := range map[string]struct {
		err  error
		want syscall.Errno
	}{
		"no entry":  {missing, syscall.ENOENT},
		"exists":    {os.Mkdir(file, 0o700), syscall.EEXIST},
		"not empty": {os.Remove(dir), syscall.ENOTEMPTY},
		"in use":    {taken, syscall.EADDRINUSE},
		"refused":   {refused, syscall.ECONNREFUSED},
	} {
		got, ok := Of(fmt.Errorf("wrapped: %w", c.err))
		if !ok || got != c.want || !Is(c.err, c.want) || Is(c.err, syscall.EXDEV) {
			t.Errorf("%s: %v (%v), want %v", name, got, c.err, c.want)
		}
	}
	for _, err := range []error{nil, errors.New("text"), fs.ErrNotExist} {
		if e, ok := Of(err); ok {
			t.Errorf("%v has the number %d", err, e)
		}
	}
}

func TestWindows(t *testing.T) {
	for from, want := range map[syscall.Errno]syscall.Errno{
		2: syscall.ENOENT, 5: syscall.EACCES, 80: syscall.EEXIST, 145: syscall.ENOTEMPTY, 267: syscall.ENOTDIR,
		10048: syscall.EADDRINUSE, 10061: syscall.ECONNREFUSED, 10045: syscall.ENOTSUP, 10035: syscall.EAGAIN,
		424242: 424242, // no name
	} {
		if got := canonical(posixOfWindows(from)); got != want {
			t.Errorf("%d: %v, want %v", from, got, want)
		}
	}
}

// TestSynonyms: names that are one number on some systems and two on others.
func TestSynonyms(t *testing.T) {
	if !Is(syscall.EOPNOTSUPP, syscall.ENOTSUP) || !Is(syscall.ENOTSUP, syscall.EOPNOTSUPP) || !Is(syscall.EWOULDBLOCK, syscall.EAGAIN) {
		t.Error("two names of one error")
	}
}
