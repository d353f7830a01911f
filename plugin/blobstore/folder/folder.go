// Package folder is a backend that keeps objects as files of a folder, a folder for each container. A file has the object's name,
// escaped where the name could mean something to a file system. What was acknowledged survives the end of the process.
package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {folder: ./blobs}, or {folder: {path: ./blobs, size: 100Gi}}.
type Config struct {
	Path string `yaml:"path" required:"true" path:"true" short:"true" minLength:"1" doc:"The folder, from the manifest's folder; it has to be there."`
	Size string `yaml:"size" doc:"How many bytes its objects may have together; default 10Gi."`
}

// DefaultSize is how many bytes the objects of a folder may have together.
const DefaultSize = 10 << 30

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "folder", Doc: "A folder of the host.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) {
	if size := config.(Config).Size; size != "" {
		if _, err := workload.ParseSize(size); err != nil {
			return "size", err.Error()
		}
	}
	return "", ""
}

const (
	pageSize = 1000      // names of a page of List
	step     = 256 << 10 // bytes that a Put reserves at a time
	// marker is a file in each container's folder, whose time is that of the container's creation.
	marker = ".created"
	// Names of what is not there yet, or not any more, begin with these. Escaped names do not begin with a dot.
	temporary, removed = ".new-", ".old-"
	// abandoned is how old they are when their process can be taken to have been killed: another one may use the folder, too.
	abandoned = 24 * time.Hour
)

// Backend implements blobstore.Backend. Several processes may use one folder; each bounds what it has itself seen and written.
type Backend struct {
	root *os.Root
	room atomic.Int64 // bytes that may still be stored
}

var (
	_ blobstore.Backend  = (*Backend)(nil)
	_ backend.Dropper    = (*Backend)(nil)
	_ backend.Persistent = (*Backend)(nil)
	_ blobstore.Store    = (*store)(nil)
)

// Open opens a folder. The backend must be closed.
func Open(c Config) (*Backend, error) {
	size := uint64(DefaultSize)
	if c.Size != "" {
		var err error
		if size, err = workload.ParseSize(c.Size); err != nil {
			return nil, fmt.Errorf("size: %w", err)
		}
	}
	root, err := os.OpenRoot(c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the folder %s does not exist; make it", c.Path)
	case err != nil:
		return nil, err
	}
	b := &Backend{root: root}
	used, err := b.sweep(".", 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.Path, err), root.Close())
	}
	b.room.Store(int64(min(size, 1<<62)) - used)
	return b, nil
}

// depth is how deep containers are below the root: namespace, workload, component, container.
const depth = 4

// sweep adds up the objects below a folder, and removes what a process that was killed has left.
func (b *Backend) sweep(dir string, level int) (used int64, err error) {
	entries, err := fs.ReadDir(b.root.FS(), dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		at := path.Join(dir, e.Name())
		switch {
		case level == depth && e.Name() == marker:
		case strings.HasPrefix(e.Name(), temporary), strings.HasPrefix(e.Name(), removed):
			if info, err := e.Info(); err == nil && level >= depth-1 && time.Since(info.ModTime()) > abandoned {
				_ = b.root.RemoveAll(at) // if that fails, it is tried again next time
			}
		case level < depth && e.IsDir():
			n, err := b.sweep(at, level+1)
			if err != nil {
				return 0, err
			}
			used += n
		case level == depth:
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return 0, err
			}
			used += info.Size()
		}
	}
	return used, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "folder" }

// Persistent implements backend.Persistent.
func (*Backend) Persistent() bool { return true }

// Close closes the folder.
func (b *Backend) Close() error { return b.root.Close() }

func ownerPath(o blobstore.Owner) string {
	return path.Join(escape(o.Namespace), escape(o.Workload), escape(o.Component))
}

// Store implements blobstore.Backend.
func (b *Backend) Store(owner blobstore.Owner) blobstore.Store { return &store{b, ownerPath(owner)} }

// Drop implements backend.Dropper.
func (b *Backend) Drop(owner blobstore.Owner) {
	s := store{b, ownerPath(owner)}
	entries, _ := fs.ReadDir(b.root.FS(), s.dir) // no folder, no data
	for _, e := range entries {
		_ = s.remove(e.Name()) // what cannot be removed stays, and is found by the next workload of the name
	}
}

// take takes n bytes of the folder's bound, and gives them back if n is negative.
func (b *Backend) take(n int64) error {
	if left := b.room.Add(-n); n > 0 && left < 0 {
		b.room.Add(n)
		return fmt.Errorf("%w: %d bytes are left, %d are needed", blobstore.ErrFull, max(left+n, 0), n)
	}
	return nil
}

// store is that of one owner, in the folder dir.
type store struct {
	*Backend
	dir string
}

// in is the path of a container's folder.
func (s *store) in(container string) (string, error) {
	name := escape(container)
	if len(name) > maxName {
		return "", fmt.Errorf("the container's name is too long for a file: %d bytes, want %d at most", len(name), maxName)
	}
	return path.Join(s.dir, name), nil
}

// file is the path of an object's file.
func (s *store) file(container, object string) (dir, file string, err error) {
	if dir, err = s.in(container); err != nil {
		return "", "", err
	}
	name := escape(object)
	if len(name) > maxName {
		return "", "", fmt.Errorf("the object's name is too long for a file: %d bytes, want %d at most", len(name), maxName)
	}
	return dir, path.Join(dir, name), nil
}

func (s *store) CreateContainer(_ context.Context, name string) error {
	dir, err := s.in(name)
	if err != nil {
		return err
	}
	if err := s.root.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	// It is made beside its place and then renamed, so that it is there with its marker, and made once.
	made := path.Join(s.dir, temporary+rand.Text())
	if err := s.root.Mkdir(made, 0o700); err != nil {
		return err
	}
	f, err := s.root.OpenFile(path.Join(made, marker), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		if err = s.root.Rename(made, dir); err == nil {
			return nil
		}
		if _, there := s.root.Stat(path.Join(dir, marker)); there == nil {
			err = fmt.Errorf("container %q: %w", name, blobstore.ErrExists)
		}
	}
	return errors.Join(err, s.root.RemoveAll(made))
}

func (s *store) DeleteContainer(_ context.Context, name string) error {
	dir, err := s.in(name)
	if err != nil {
		return err
	}
	if err := s.remove(path.Base(dir)); err != nil {
		return s.missing(err, dir, name, "")
	}
	return nil
}

// remove removes a folder of the owner's at once, and then what is in it.
func (s *store) remove(name string) error {
	gone := path.Join(s.dir, removed+rand.Text())
	if err := s.root.Rename(path.Join(s.dir, name), gone); err != nil {
		return err
	}
	used, err := s.sweep(gone, depth)
	if err == nil {
		err = s.take(-used)
	}
	return errors.Join(err, s.root.RemoveAll(gone))
}

// missing says which of a container and an object is not there, if that is why err came.
func (s *store) missing(err error, dir, container, object string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return plain(err)
	}
	if _, err := s.root.Stat(path.Join(dir, marker)); err != nil || object == "" {
		return fmt.Errorf("%q: %w", container, blobstore.ErrNoSuchContainer)
	}
	return fmt.Errorf("in container %q: %w", container, blobstore.ErrNoSuchObject)
}

// plain is an error of a file without the file's name, which is that of an object.
func plain(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return fmt.Errorf("%s: %w", path.Op, path.Err)
	case errors.As(err, &link):
		return fmt.Errorf("%s: %w", link.Op, link.Err)
	}
	return err
}

func (s *store) Container(_ context.Context, name string) (blobstore.ContainerInfo, error) {
	dir, err := s.in(name)
	if err != nil {
		return blobstore.ContainerInfo{}, err
	}
	info, err := s.root.Stat(path.Join(dir, marker))
	if err != nil {
		return blobstore.ContainerInfo{}, s.missing(err, dir, name, "")
	}
	return blobstore.ContainerInfo{Created: info.ModTime()}, nil
}

func infoOf(i fs.FileInfo) blobstore.Info {
	return blobstore.Info{Size: uint64(i.Size()), Created: i.ModTime()}
}

func (s *store) Stat(_ context.Context, container, object string) (blobstore.Info, error) {
	dir, file, err := s.file(container, object)
	if err != nil {
		return blobstore.Info{}, err
	}
	info, err := s.root.Stat(file)
	if err != nil {
		return blobstore.Info{}, s.missing(err, dir, container, object)
	}
	return infoOf(info), nil
}

func (s *store) Open(ctx context.Context, container, object string, from, n uint64) (io.ReadCloser, blobstore.Info, error) {
	dir, file, err := s.file(container, object)
	if err != nil {
		return nil, blobstore.Info{}, err
	}
	f, err := s.root.Open(file)
	if err != nil {
		return nil, blobstore.Info{}, s.missing(err, dir, container, object)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, blobstore.Info{}, errors.Join(err, f.Close())
	}
	size := uint64(info.Size())
	from = min(from, size)
	part := io.NewSectionReader(f, int64(from), int64(min(n, size-from)))
	return &reader{ctx, part, f}, infoOf(info), nil
}

// reader reads a part of a file. A file that is replaced meanwhile stays what it was for those that have it open.
type reader struct {
	ctx context.Context
	*io.SectionReader
	io.Closer
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.SectionReader.Read(p)
}

func (s *store) List(_ context.Context, container, cursor string) (blobstore.Page, error) {
	dir, err := s.in(container)
	if err != nil {
		return blobstore.Page{}, err
	}
	entries, err := fs.ReadDir(s.root.FS(), dir) // by their names
	if err != nil {
		return blobstore.Page{}, s.missing(err, dir, container, "")
	}
	i, _ := slices.BinarySearchFunc(entries, cursor, func(e fs.DirEntry, c string) int { return strings.Compare(e.Name(), c) })
	var page blobstore.Page
	for _, e := range entries[i:] {
		if e.Name() == cursor || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if len(page.Names) == pageSize {
			page.Next = escape(page.Names[pageSize-1])
			break
		}
		if name, ok := unescape(e.Name()); ok { // another program's file is no object
			page.Names = append(page.Names, name)
		}
	}
	return page, nil
}

func (s *store) Delete(_ context.Context, container string, objects ...string) error {
	dir, err := s.in(container)
	if err != nil {
		return err
	}
	if _, err := s.root.Stat(path.Join(dir, marker)); err != nil {
		return s.missing(err, dir, container, "")
	}
	for _, o := range objects {
		_, file, err := s.file(container, o)
		if err != nil {
			continue // there is no object of a name that is too long
		}
		info, err := s.root.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = s.root.Remove(file)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return plain(err)
		}
		if err == nil {
			_ = s.take(-info.Size())
		}
	}
	return nil
}
