package filesystem

import (
	"errors"
	"fmt"
)

// Preopens are the folders that guests find open, and how many files and directories each guest may have open at a time. The pointer
// is the key of the store's [Quota], which all versions of WASI share.
type Preopens struct {
	Folders []Preopen
	Most    int // 0: MaxOpen
}

// Opened is a folder that has been opened.
type Opened struct {
	*Descriptor
	Guest string
}

// Open opens the folders that the quota has room for: the interface has no error for more. limit is the error of the first that it
// has no room for.
func (p *Preopens) Open(q *Quota) (all []Opened, limit, err error) {
	for _, f := range p.Folders {
		d, err := f.Open(q)
		if code, ok := CodeOf(err); ok && code == CodeNoMemory {
			return all, err, nil
		}
		if err != nil {
			for _, o := range all {
				err = errors.Join(err, o.Close())
			}
			return nil, nil, fmt.Errorf("preopened folder %s: %w", f.Guest, err)
		}
		all = append(all, Opened{d, f.Guest})
	}
	return all, nil, nil
}
