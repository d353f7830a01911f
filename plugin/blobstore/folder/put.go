package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// Put writes a file beside the object's, and renames it when it is whole and on the disk.
func (s *store) Put(ctx context.Context, container, object string, data io.Reader) (blobstore.Info, error) {
	dir, file, err := s.file(container, object)
	if err != nil {
		return blobstore.Info{}, err
	}
	made := path.Join(dir, temporary+rand.Text())
	f, err := s.root.OpenFile(made, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return blobstore.Info{}, s.missing(err, dir, container, "")
	}
	credit := s.size(file) // the object that is replaced makes room
	p := pendingPut{s: s, f: f, reserved: credit}
	info, err := p.write(ctx, data)
	err = errors.Join(err, f.Close())
	var old int64
	if err == nil {
		old = s.size(file)
		err = s.missing(s.root.Rename(made, file), dir, container, "")
	}
	if err != nil {
		_ = s.take(credit - p.reserved)
		_ = s.root.Remove(made) // a container that was deleted has taken it along
		return blobstore.Info{}, fmt.Errorf("put in container %q: %w", container, err)
	}
	_ = s.take(int64(info.Size) - old - (p.reserved - credit))
	syncDir(s.root, dir)
	return info, nil
}

// size is that of a file, 0 if there is none.
func (s *store) size(file string) int64 {
	info, err := s.root.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

// pendingPut is a running Put.
type pendingPut struct {
	s        *store
	f        *os.File
	written  int64 // bytes
	reserved int64 // bytes that may be written: taken of the folder's bound, or of the object that is replaced
}

func (p *pendingPut) write(ctx context.Context, data io.Reader) (blobstore.Info, error) {
	buf := make([]byte, 32<<10)
	for {
		if ctx.Err() != nil {
			return blobstore.Info{}, context.Cause(ctx)
		}
		n, err := data.Read(buf)
		if p.written += int64(n); p.written > p.reserved {
			if err := p.s.take(step); err != nil {
				if err := p.s.take(p.written - p.reserved); err != nil {
					return blobstore.Info{}, err
				}
				p.reserved = p.written
			} else {
				p.reserved += step
			}
		}
		if _, err := p.f.Write(buf[:n]); err != nil {
			return blobstore.Info{}, err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return blobstore.Info{}, err
		}
	}
	if ctx.Err() != nil {
		return blobstore.Info{}, context.Cause(ctx)
	}
	if err := p.f.Sync(); err != nil {
		return blobstore.Info{}, err
	}
	info, err := p.f.Stat()
	if err != nil {
		return blobstore.Info{}, err
	}
	return infoOf(info), nil
}

// syncDir has the name of a new file on the disk, where the system can do that with a folder.
func syncDir(root *os.Root, dir string) {
	if d, err := root.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
