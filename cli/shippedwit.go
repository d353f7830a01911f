package cli

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/plugin/otel"
	wasiwit "github.com/vitrine-wasm/vitrine/wasi/wit"
)

// shippedWIT is the WIT text that the program brings, for wit.LoadBeside.
var shippedWIT = folders{"config": config.WIT, "keyvalue": keyvalue.WIT, "logging": logging.WIT, "otel": otel.WIT, "wasi": wasiwit.Files}

// folders is a file system whose top folders are file systems.
type folders map[string]fs.FS

// Open implements fs.FS, but for the top, which is only listed.
func (f folders) Open(name string) (fs.File, error) {
	in, rest, err := f.in(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return in.Open(rest)
}

// ReadDir implements fs.ReadDirFS.
func (f folders) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "." {
		var all []fs.DirEntry
		for _, folder := range slices.Sorted(maps.Keys(f)) {
			info, err := f.Stat(folder)
			if err != nil {
				return nil, err
			}
			all = append(all, named{fs.FileInfoToDirEntry(info), folder})
		}
		return all, nil
	}
	in, rest, err := f.in(name)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return fs.ReadDir(in, rest)
}

// Stat implements fs.StatFS.
func (f folders) Stat(name string) (fs.FileInfo, error) {
	if name == "." {
		return fs.Stat(f["wasi"], ".")
	}
	in, rest, err := f.in(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return fs.Stat(in, rest)
}

func (f folders) in(name string) (fs.FS, string, error) {
	folder, rest, inside := strings.Cut(name, "/")
	if !inside {
		rest = "."
	}
	switch {
	case name == ".":
		return nil, "", errors.New("is only listed")
	case f[folder] == nil:
		return nil, "", fs.ErrNotExist
	}
	return f[folder], rest, nil
}

// named is an entry under another name.
type named struct {
	fs.DirEntry
	name string
}

func (n named) Name() string { return n.name }
