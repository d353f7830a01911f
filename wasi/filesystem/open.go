package filesystem

import (
	"os"
	"sync/atomic"
)

// MaxOpen is how many files and directories below one opened [Preopen] may be open at a time: a guest that opens without
// end must not use up what the whole process may open.
const MaxOpen = 4096

// quota counts what is open below one preopened folder.
type quota struct{ n atomic.Int32 }

// open opens with f unless too much is open.
func (q *quota) open(f func() (*os.File, error)) (*file, error) {
	if q.n.Add(1) > MaxOpen {
		q.n.Add(-1)
		return nil, failed(CodeNoMemory)
	}
	opened, err := f()
	if err != nil {
		q.n.Add(-1)
		return nil, failure(err)
	}
	s := &file{File: opened, quota: q}
	s.refs.Store(1)
	return s, nil
}

// file is an open file that a descriptor and its streams share. It is closed when the last of them lets go.
type file struct {
	*os.File
	quota *quota
	refs  atomic.Int32
}

func (f *file) retain() *file {
	f.refs.Add(1)
	return f
}

func (f *file) release() error {
	if f.refs.Add(-1) == 0 {
		f.quota.n.Add(-1)
		return f.Close()
	}
	return nil
}
