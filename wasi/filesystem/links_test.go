package filesystem

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// escapingLinks finds links below host that lead out of it, whether or not their targets exist.
func escapingLinks(t *testing.T, host string) (found []string) {
	t.Helper()
	host, err := filepath.EvalSymlinks(host)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(host, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type()&fs.ModeSymlink != 0 && escapes(host, p) {
			found = append(found, strings.TrimPrefix(p, host))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// escapes follows the link at p as the system does, name by name, at most forty links.
func escapes(host, p string) bool {
	at, rest := filepath.Dir(p), []string{filepath.Base(p)}
	for hops := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if at == host {
				return true
			}
			at = filepath.Dir(at)
			continue
		}
		to := filepath.Join(at, name)
		target, err := os.Readlink(to)
		if err != nil {
			if info, err := os.Lstat(to); err != nil || !info.IsDir() {
				return false
			}
			at = to
			continue
		}
		if filepath.IsAbs(target) {
			return true
		}
		if hops++; hops > 40 {
			return false
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return false
}

// TestEscapingLinks: links that would lead out are refused, and those that programs need are made.
func TestEscapingLinks(t *testing.T) {
	type step struct {
		err  error
		want Code
	}
	for name, steps := range map[string]func(d *Descriptor) []step{
		"absolute":           func(d *Descriptor) []step { return []step{{d.Symlink("/etc/passwd", "l"), CodeNotPermitted}} },
		"up":                 func(d *Descriptor) []step { return []step{{d.Symlink("..", "l"), CodeNotPermitted}} },
		"up behind dots":     func(d *Descriptor) []step { return []step{{d.Symlink(".//./../x", "l"), CodeNotPermitted}} },
		"up too far":         func(d *Descriptor) []step { return []step{{d.Symlink("../../x", "sub/l"), CodeNotPermitted}} },
		"up from a slash":    func(d *Descriptor) []step { return []step{{d.Symlink("../../x", "sub//l"), CodeNotPermitted}} },
		"up from a dot":      func(d *Descriptor) []step { return []step{{d.Symlink("../../x", "sub/./l"), CodeNotPermitted}} },
		"up from sub and ..": func(d *Descriptor) []step { return []step{{d.Symlink("../x", "sub/../l"), CodeNotPermitted}} },
		"through itself": func(d *Descriptor) []step {
			return []step{{d.Symlink(".", "self"), "ok"}, {d.Symlink("self/../out", "l"), CodeNotPermitted},
				{d.Symlink("../out", "self/l"), CodeNotPermitted}, {d.Symlink("../out", "self/self/self/l"), CodeNotPermitted}}
		},
		"a folder that becomes a link": func(d *Descriptor) []step {
			return []step{{d.CreateDirectory("a"), "ok"}, {d.Symlink("a/../out", "l"), CodeNotPermitted}}
		},
		"renamed up": func(d *Descriptor) []step {
			return []step{{d.Symlink("../x", "sub/l"), "ok"}, {d.Rename("sub/l", d, "l"), CodeNotPermitted}, {d.Rename("sub/l", d, "sub/m"), "ok"}}
		},
		"linked up": func(d *Descriptor) []step {
			return []step{{d.Symlink("../x", "sub/l"), "ok"}, {d.Link(false, "sub/l", d, "l"), CodeNotPermitted}, {d.Link(false, "sub/l", d, "sub/m"), "ok"}}
		},
		"its folder renamed up": func(d *Descriptor) []step {
			return []step{{d.CreateDirectory("sub/in"), "ok"}, {d.Symlink("../../x", "sub/in/l"), "ok"}, {d.Rename("sub/in", d, "in"), CodeNotPermitted},
				{d.Rename("sub/in", d, "sub/on"), "ok"}, {d.CreateDirectory("b"), "ok"}, {d.Rename("sub/on", d, "b/on"), "ok"}}
		},
		"a link that stays in its folder": func(d *Descriptor) []step {
			return []step{{d.CreateDirectory("sub/in"), "ok"}, {d.CreateDirectory("sub/in/bin"), "ok"}, {d.Symlink("../lib/x", "sub/in/bin/x"), "ok"}, {d.Rename("sub/in", d, "in"), "ok"}}
		},
		"through another descriptor": func(d *Descriptor) []step {
			sub, err := d.Open(true, "sub", Directory, Read|Mutate)
			if err != nil {
				return []step{{err, "ok"}}
			}
			defer sub.Close()
			return []step{{sub.Symlink("../x", "l"), CodeNotPermitted}, {sub.CreateDirectory("in"), "ok"}, {d.Symlink("../../x", "sub/in/l"), "ok"},
				{sub.Rename("in", d, "in"), CodeNotPermitted}, {sub.Rename("in/l", d, "l"), CodeNotPermitted}, {sub.Rename("in/l", sub, "l"), CodeNotPermitted},
				{d.Rename("sub/in", sub, "in2"), "ok"}}
		},
		"what programs make": func(d *Descriptor) []step {
			return []step{{d.Symlink("a.txt", "l"), "ok"}, {d.Symlink("../a.txt", "sub/up"), "ok"}, {d.Symlink("./sub/b.txt", "b"), "ok"},
				{d.Symlink("nowhere", "dangling"), "ok"}, {d.Symlink("name with ..dots..", "odd"), "ok"}, {d.Symlink(".", "here"), "ok"}, {d.Symlink("sub/", "slash"), "ok"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, host := open(t, false)
			for i, s := range steps(d) {
				if c := code(s.err); c != s.want {
					t.Errorf("step %d: %s, wanted %s", i+1, c, s.want)
				}
			}
			if l := escapingLinks(t, host); len(l) > 0 {
				t.Errorf("%v lead out", l)
			}
		})
	}
}

// TestNoLinkLeadsOut: whatever a guest does with folders and links, by several descriptors, none leads out.
func TestNoLinkLeadsOut(t *testing.T) {
	made, moved, refused := 0, 0, 0
	for seed := range uint64(20) {
		d, host := open(t, false)
		r := rand.New(rand.NewPCG(seed, 1))
		sub, err := d.Open(true, "sub", Directory, Read|Mutate)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sub.Close() })
		anything := func(dir bool) (*Descriptor, string) {
			var found []string
			filepath.WalkDir(host, func(p string, e fs.DirEntry, err error) error {
				if rel, err := filepath.Rel(host, p); err == nil && (e.IsDir() || !dir && e.Type()&fs.ModeSymlink != 0) && strings.Count(rel, "/") < 4 {
					found = append(found, rel)
				}
				return err
			})
			p := found[r.IntN(len(found))]
			if below, ok := strings.CutPrefix(p, "sub/"); ok && r.IntN(2) == 0 {
				return sub, below
			}
			return d, p
		}
		name := func() string { return "/" + []string{"a", "b", "c"}[r.IntN(3)] }
		for range 120 {
			one, p := anything(true)
			two, q := anything(true)
			switch r.IntN(6) {
			case 0:
				one.CreateDirectory(p + name())
			case 1, 2:
				target := strings.Repeat("../", r.IntN(4)) + q
				if one.Symlink(target, p+name()) == nil && strings.HasPrefix(target, "..") {
					made++
				}
			case 3, 4:
				from, what := anything(false)
				if err := from.Rename(what, two, q+name()); err == nil {
					moved++
				} else if code(err) == CodeNotPermitted {
					refused++
				}
			case 5:
				from, what := anything(false)
				from.Link(false, what, two, q+name())
			}
			if l := escapingLinks(t, host); len(l) > 0 {
				t.Fatalf("seed %d: %v lead out", seed, l)
			}
		}
	}
	t.Logf("%d links made that go up, %d things moved, %d refused", made, moved, refused)
	if made < 50 || moved < 50 || refused < 10 {
		t.Error("that is too little to tell")
	}
}
