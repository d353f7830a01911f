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

	"github.com/vitrine-wasm/vitrine/internal/private"
)

// cacheFolder is the name of the cache's own folder.
const cacheFolder = "artifacts"

// Bounds of the cache besides its blobs', in bytes, and what a disk takes for a small file.
const (
	maxTags       = 16 << 20
	maxSignatures = 64 << 20
	minFile       = 4 << 10
)

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
	own, err := ownFolders(dir)
	var untrusted *private.Error
	switch {
	case errors.As(err, &untrusted):
		return nil, &UntrustedCacheError{untrusted.Path, untrusted.Why}
	case err != nil:
		return nil, err
	}
	return &cache{own, most}, nil
}

// ownFolders makes the cache's folders in dir.
func ownFolders(dir string) (string, error) {
	dir, err := private.Root(dir)
	if err != nil {
		return "", err
	}
	own := filepath.Join(dir, cacheFolder)
	for _, d := range []string{own, filepath.Join(own, "blobs"), filepath.Join(own, "tags"), filepath.Join(own, "signatures")} {
		if err := private.Folder(d); err != nil {
			return "", err
		}
	}
	return own, nil
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
	used(c.blob(digest))
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
	return put(c.blob(digest), b, c.max, 0)
}

// put writes a file, and removes others of its folder until they are within the bound; see trim.
func put(file string, b []byte, most, least int64) error {
	if err := replace(file, b); err != nil {
		return err
	}
	trim(file, most, least)
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

// trim removes the files beside keep that were used longest ago until the rest is within the bound, most, and what writers that have died have left. A
// file counts as that many bytes, least, if it has fewer.
func trim(keep string, most, least int64) {
	dir := filepath.Dir(keep)
	entries, err := os.ReadDir(dir)
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
				_ = os.Remove(filepath.Join(dir, e.Name()))
			}
			continue
		}
		files = append(files, info)
		sum += max(info.Size(), least)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if sum <= most {
			return
		}
		if f.Name() != filepath.Base(keep) && os.Remove(filepath.Join(dir, f.Name())) == nil {
			sum -= max(f.Size(), least)
		}
	}
}

// used marks a file as one that was used now: what was used last is kept longest.
func used(file string) {
	now := time.Now()
	_ = os.Chtimes(file, now, now)
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
	used(c.tagFile(ref))
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
	return put(c.tagFile(ref), b, maxTags, minFile)
}

// signature returns the bundle that was accepted for a digest when it was last checked. It is as trustworthy as one that a registry
// sends: whoever uses it checks it.
func (c *cache) signature(digest string) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	b, err := readBounded(c.signatureFile(digest), maxBundle)
	if err != nil {
		return nil, false
	}
	used(c.signatureFile(digest))
	return b, true
}

func (c *cache) setSignature(digest string, bundle []byte) error {
	if c == nil {
		return nil
	}
	return put(c.signatureFile(digest), bundle, maxSignatures, minFile)
}

func (c *cache) signatureFile(digest string) string {
	return filepath.Join(c.dir, "signatures", strings.TrimPrefix(digest, "sha256:")+".json")
}
