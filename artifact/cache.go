package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cacheFolder is the name of the cache's own folder.
const cacheFolder = "artifacts"

// UntrustedCacheError says that a cache folder is not used, because others could have written what tags stand for.
type UntrustedCacheError struct{ Folder, Why string }

// Error names the folder.
func (e *UntrustedCacheError) Error() string { return e.Folder + " " + e.Why }

// cache keeps blobs by digest, and for each tag the digest that it stood for last. Several processes may use one folder. A nil *cache
// keeps nothing.
type cache struct {
	dir string
	max int64 // bytes of blobs
}

// openCache opens the cache in dir, of which it has a folder of its own.
func openCache(dir string, most int64) (*cache, error) {
	own := filepath.Join(dir, cacheFolder)
	for _, d := range []string{own, filepath.Join(own, "blobs"), filepath.Join(own, "tags"), filepath.Join(own, "signatures")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
		info, err := os.Lstat(d)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, &UntrustedCacheError{d, "is no folder"}
		}
		if why := foreign(info); why != "" {
			return nil, &UntrustedCacheError{d, why}
		}
	}
	return &cache{own, most}, nil
}

func (c *cache) blob(digest string) string {
	return filepath.Join(c.dir, "blobs", strings.TrimPrefix(digest, "sha256:"))
}

// read returns the blob of a digest. Its bytes are those of the digest: a file with others is removed, and is as one that is missing.
func (c *cache) read(digest string, most int64) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	b, err := readBounded(c.blob(digest), most)
	if err != nil {
		return nil, false
	}
	if digestOf(b) != digest {
		_ = os.Remove(c.blob(digest))
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(c.blob(digest), now, now) // what was used last is kept longest
	return b, true
}

// readBounded reads a regular file that has at most that many bytes.
func readBounded(file string, most int64) ([]byte, error) {
	info, err := os.Stat(file) // before it is opened: opening a pipe without a writer would block
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no file")
	case info.Size() > most:
		return nil, fmt.Errorf("it has %d bytes; want at most %d", info.Size(), most)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// write stores a blob. It returns when the blob is under its name, whole.
func (c *cache) write(digest string, b []byte) error {
	if c == nil {
		return nil
	}
	if err := replace(c.blob(digest), b); err != nil {
		return err
	}
	c.trim(digest)
	return nil
}

// replace writes a file beside its place and renames it, so that a reader, or a crash, finds all of it or what was there before.
func replace(file string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // with the mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// trim removes the blobs that were used longest ago until the rest is within the bound, and what writers that have died have left. keep
// stays.
func (c *cache) trim(keep string) {
	entries, err := os.ReadDir(filepath.Join(c.dir, "blobs"))
	if err != nil {
		return
	}
	var files []fs.FileInfo
	var sum int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue
		}
		if strings.HasPrefix(e.Name(), ".new-") {
			if time.Since(info.ModTime()) > 24*time.Hour {
				_ = os.Remove(filepath.Join(c.dir, "blobs", e.Name()))
			}
			continue
		}
		files = append(files, info)
		sum += info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if sum <= c.max {
			return
		}
		if f.Name() != strings.TrimPrefix(keep, "sha256:") && os.Remove(filepath.Join(c.dir, "blobs", f.Name())) == nil {
			sum -= f.Size()
		}
	}
}

// tagEntry is what a tag stood for.
type tagEntry struct {
	Reference string    `json:"reference"`
	Digest    string    `json:"digest"`
	Time      time.Time `json:"time"`
}

func (c *cache) tagFile(ref Reference) string {
	sum := sha256.Sum256([]byte(ref.String()))
	return filepath.Join(c.dir, "tags", hex.EncodeToString(sum[:])+".json")
}

// tag returns what a tag stood for when the registry was last asked.
func (c *cache) tag(ref Reference) (tagEntry, bool) {
	var e tagEntry
	if c == nil {
		return e, false
	}
	b, err := readBounded(c.tagFile(ref), 64<<10)
	if err != nil || json.Unmarshal(b, &e) != nil || e.Reference != ref.String() || !isDigest(e.Digest) {
		return tagEntry{}, false
	}
	return e, true
}

// setTag remembers what a tag stands for.
func (c *cache) setTag(ref Reference, digest string) error {
	if c == nil {
		return nil
	}
	b, err := json.Marshal(tagEntry{ref.String(), digest, time.Now().UTC()})
	if err != nil {
		return err
	}
	return replace(c.tagFile(ref), b)
}

// signature returns the bundle that was accepted for a digest when it was last checked. It is as trustworthy as one that a registry
// sends: whoever uses it checks it.
func (c *cache) signature(digest string) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	b, err := readBounded(c.signatureFile(digest), maxBundle)
	return b, err == nil
}

func (c *cache) setSignature(digest string, bundle []byte) error {
	if c == nil {
		return nil
	}
	return replace(c.signatureFile(digest), bundle)
}

func (c *cache) signatureFile(digest string) string {
	return filepath.Join(c.dir, "signatures", strings.TrimPrefix(digest, "sha256:")+".json")
}
