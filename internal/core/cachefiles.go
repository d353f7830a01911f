package core

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/vitrine-wasm/vitrine/internal/corewasm"
	"github.com/vitrine-wasm/vitrine/internal/private"
)

// give puts the files of a module where wazero looks for them.
func (d *diskCache) give(dir string) (given map[string]fs.FileInfo, known corewasm.Facts) {
	given = map[string]fs.FileInfo{}
	if info, err := os.Lstat(dir); err == nil && d.foreign(info) != "" {
		d.warn(&private.Error{Path: dir, Why: d.foreign(info)})
		return given, ""
	}
	for _, e := range codeFiles(dir) {
		path := filepath.Join(dir, e.Name())
		part := strings.Split(e.Name(), ".")
		if len(given) > 0 && corewasm.Facts(part[1]) != known {
			continue
		}
		if info := d.put(path, part[0], part[2]); info != nil {
			given[part[0]], known = info, corewasm.Facts(part[1])
			if now := time.Now(); !d.sealed {
				_ = os.Chtimes(path, now, now) // if it fails, the file may be evicted early
			}
		}
	}
	return given, known
}

// put makes the file at path wazero's by name; nil if it cannot. It checks the file that wazero will read, after it has been put where no other
// process changes it.
func (d *diskCache) put(path, name, sum string) fs.FileInfo {
	d.dir.Lock()
	defer d.dir.Unlock()
	to := filepath.Join(d.files, name)
	if d.link(path, to) != nil {
		return nil // usually another process has just evicted it
	}
	info, err := d.stat(to)
	if err != nil {
		return nil
	}
	if why := d.foreign(info); why != "" || !info.Mode().IsRegular() {
		_ = os.Remove(to)
		d.warn(&private.Error{Path: path, Why: cmp.Or(why, "is no file")})
		return nil
	}
	if got, err := digest(to); err != nil || got != sum {
		_ = os.Remove(to)
		if !d.sealed {
			_ = os.Remove(path) // damaged
		}
		return nil
	}
	if info, err = statNow(to); err != nil {
		return nil
	}
	d.given[name] = true
	return info
}

// keep moves the code that wazero has just written to the shared directory, and says whether there was any.
func (d *diskCache) keep(ctx context.Context, dir string, w compilation, known corewasm.Facts) bool {
	defer d.clear() //nolint:errcheck // if it fails, the next compilation does it
	entries, err := os.ReadDir(d.files)
	if err != nil || len(entries) != 1 || strings.HasSuffix(entries[0].Name(), ".tmp") {
		return false
	}
	path := filepath.Join(d.files, entries[0].Name())
	sum, err := digest(path)
	if err != nil {
		return false
	}
	r, err := w.skeleton(known)
	if err != nil {
		return false
	}
	name, err := d.name(ctx, r.Wasm)
	if err != nil || private.Folder(dir) != nil {
		return false
	}
	// Two processes may do this at once; they write the same.
	return os.Rename(path, filepath.Join(dir, strings.Join([]string{name, string(known), sum}, "."))) == nil
}

// name finds the file name under which wazero looks for a module's code: it has a runtime of its own compile the module.
func (d *diskCache) name(ctx context.Context, wasm []byte) (string, error) {
	tmp, err := os.MkdirTemp(d.run, "name")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	cache, err := wazero.NewCompilationCacheWithDir(tmp)
	if err != nil {
		return "", err
	}
	defer cache.Close(ctx)
	r := wazero.NewRuntimeWithConfig(ctx, d.config.WithCompilationCache(cache))
	defer r.Close(ctx)
	if _, err := r.CompileModule(ctx, wasm); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(tmp, "*", "*"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%s: want one file of wazero's: %w", tmp, err)
	}
	return filepath.Base(found[0]), nil
}

// evict removes the least recently used files until nine tenths of the bound are left.
func (d *diskCache) evict() {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	var total int64
	dirs, _ := os.ReadDir(d.code)
	for _, dir := range dirs {
		for _, e := range codeFiles(filepath.Join(d.code, dir.Name())) {
			if info, err := e.Info(); err == nil {
				files = append(files, file{filepath.Join(d.code, dir.Name(), e.Name()), info.Size(), info.ModTime()})
				total += info.Size()
			}
		}
	}
	if total <= d.most {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if total <= d.most-d.most/10 {
			return
		}
		if os.Remove(f.path) == nil {
			total -= f.size
			_ = os.Remove(filepath.Dir(f.path)) // fails unless it is empty
		}
	}
}

// digest detects a damaged file: its length and a checksum of all but the machine code, of which wazero checks a checksum of its own.
// It does not detect forged files; against those, no other user may be able to write them.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	size := info.Size()
	from, to := machineCode(io.NewSectionReader(f, 0, size), size)
	h := crc32.New(castagnoli)
	buf := make([]byte, 64<<10)
	for _, part := range []*io.SectionReader{io.NewSectionReader(f, 0, from), io.NewSectionReader(f, to, size-to)} {
		if n, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{part}, buf); err != nil {
			return "", err
		} else if n != part.Size() {
			return "", io.ErrUnexpectedEOF
		}
	}
	return fmt.Sprintf("%x-%08x", size, h.Sum32()), nil
}

// machineCode finds the machine code in a file of wazero's, by what precedes it: a magic word, the version behind its
// length, the number of functions, the offset of each, and the length of the code. The range is empty in other files.
func machineCode(r io.ReadSeeker, size int64) (from, to int64) {
	const magic = "WAZEVO"
	var head [len(magic) + 1]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:len(magic)]) != magic {
		return 0, 0
	}
	rest := make([]byte, int(head[len(magic)])+4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, 0
	}
	offsets := 8 * int64(binary.LittleEndian.Uint32(rest[len(rest)-4:]))
	from = int64(len(head)+len(rest)) + offsets + 8
	if from > size {
		return 0, 0
	}
	if _, err := r.Seek(from-8, io.SeekStart); err != nil {
		return 0, 0
	}
	var length [8]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return 0, 0
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > uint64(size-from) {
		return 0, 0
	}
	return from, from + int64(n)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// link makes to the same file as from, or a copy where the file system has no links.
func link(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
