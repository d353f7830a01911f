package e2e

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// image is what a Dockerfile says of an image that has nothing but what is copied into it.
type image struct {
	t                          *testing.T
	copies                     [][]string // the words after COPY
	env                        map[string]string
	volumes                    []string
	uid, gid                   uint32
	entrypoint, cmd, healthcmd []string
}

// readDockerfile reads the instructions of a Dockerfile. One that it does not know fails the test: the image would not be what is tried.
func readDockerfile(t *testing.T, file string) *image {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := &image{t: t, env: map[string]string{}}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		fields := strings.Fields(rest)
		switch word {
		case "FROM":
			if rest != "scratch" {
				t.Fatalf("the image is based on %s", rest)
			}
		case "COPY":
			i.copies = append(i.copies, fields)
		case "ENV":
			for _, f := range fields {
				k, v, _ := strings.Cut(f, "=")
				i.env[k] = v
			}
		case "VOLUME":
			i.volumes = i.list(rest)
		case "USER":
			i.uid, i.gid = i.owner(rest)
		case "ENTRYPOINT":
			i.entrypoint = i.list(rest)
		case "CMD":
			i.cmd = i.list(rest)
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, "CMD ")
			i.healthcmd = i.list(command)
		case "EXPOSE":
		default:
			t.Fatalf("the Dockerfile has %s, which is not tried", word)
		}
	}
	return i
}

func (i *image) list(text string) (out []string) {
	i.t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil || len(out) == 0 {
		i.t.Fatalf("%q is no list in JSON, and there is no shell in the image: %v", text, err)
	}
	return out
}

func (i *image) owner(text string) (uid, gid uint32) {
	i.t.Helper()
	u, g, _ := strings.Cut(text, ":")
	for to, from := range map[*uint32]string{&uid: u, &gid: g} {
		n, err := strconv.ParseUint(from, 10, 32)
		if err != nil {
			i.t.Fatalf("%q are no numbers, and there is no /etc/passwd in the image: %v", text, err)
		}
		*to = uint32(n)
	}
	return uid, gid
}

// build copies what the image has from the context into the folder root.
func (i *image) build(context, root string) {
	i.t.Helper()
	for _, words := range i.copies {
		var uid, gid uint32
		mode := fs.FileMode(0)
		for strings.HasPrefix(words[0], "--") {
			switch flag, value, _ := strings.Cut(words[0], "="); flag {
			case "--chown":
				uid, gid = i.owner(value)
			case "--chmod":
				m, err := strconv.ParseUint(value, 8, 9)
				if err != nil {
					i.t.Fatal(err)
				}
				mode = fs.FileMode(m)
			default:
				i.t.Fatalf("COPY has %s, which is not tried", flag)
			}
			words = words[1:]
		}
		if len(words) != 2 {
			i.t.Fatalf("COPY %v has not one source", words)
		}
		i.copy(filepath.Join(context, words[0]), filepath.Join(root, words[1]), mode, uid, gid)
	}
}

// copy copies a file, or what is in a folder.
func (i *image) copy(from, to string, mode fs.FileMode, uid, gid uint32) {
	i.t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		i.t.Fatal(err)
	}
	var made []string
	err := filepath.WalkDir(from, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		made = append(made, target)
		if e.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		b, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
	if err != nil {
		i.t.Fatal(err)
	}
	for _, name := range made {
		if err := os.Chown(name, int(uid), int(gid)); err != nil {
			i.t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			i.t.Fatal(err)
		}
	}
}

// environment is that of a container, with other values in the place of the image's.
func (i *image) environment(other map[string]string) []string {
	all := maps.Clone(i.env)
	maps.Copy(all, other)
	out := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"}
	for k, v := range all {
		out = append(out, k+"="+v)
	}
	return out
}

// others are the files and folders outside the volumes, which nothing may change.
func (i *image) others(root string) map[string]string {
	i.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := path.Join("/", strings.TrimPrefix(at, root))
		for _, v := range i.volumes {
			if name == v {
				return fs.SkipDir
			}
		}
		info, err := e.Info()
		if err == nil {
			all[name] = info.Mode().String() + " " + info.ModTime().String()
		}
		return err
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return all
}
