package filesystem

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
)

// MaxOpen is the default of how many files and directories one guest may have open at a time: it must not use up the
// process's file descriptors.
const MaxOpen = 256

// Quota counts the files and directories that a guest has open. Safe for concurrent use.
type Quota struct {
	most int32
	n    atomic.Int32
}

// NewQuota makes a Quota; a limit of 0 is MaxOpen.
func NewQuota(most int) *Quota {
	return &Quota{most: int32(min(cmp.Or(most, MaxOpen), math.MaxInt32/2))}
}

// open calls f unless the quota is used up.
func (q *Quota) open(f func() (*os.File, error)) (*file, error) {
	if q.n.Add(1) > q.most {
		q.n.Add(-1)
		return nil, &Error{CodeNoMemory, &cm.LimitError{Limit: "files", Detail: fmt.Sprintf("%d files and folders are open", q.most)}}
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

// file is an open file that a descriptor and its streams share. It is closed when the last of them is closed.
type file struct {
	*os.File
	quota *Quota
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
