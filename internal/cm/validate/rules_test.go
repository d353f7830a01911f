package validate_test

import (
	"bufio"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
)

var update = flag.Bool("update", false, "make testdata/rules.b64 again with wasm-tools")

// rule is a case of testdata/rules.txt.
type rule struct{ name, want, wat string }

var headRE = regexp.MustCompile("^-- ([^:]+?)(: (.+))? --$")

func rules(t testing.TB) []rule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rules.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var rs []rule
	for line := range strings.Lines(string(text)) {
		if m := headRE.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			rs = append(rs, rule{name: m[1], want: m[3]})
		} else if len(rs) > 0 {
			rs[len(rs)-1].wat += line
		}
	}
	return rs
}

// binaries are the cases' binaries by name, checked in so that tests need no tool.
func binaries(t testing.TB) map[string][]byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "rules.b64"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string][]byte{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		name, data, _ := strings.Cut(sc.Text(), "\t")
		wasm, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = wasm
	}
	return all
}

func assemble(t *testing.T, rs []rule) {
	t.Helper()
	var out strings.Builder
	for _, r := range rs {
		cmd := exec.Command("wasm-tools", "parse")
		cmd.Stdin = strings.NewReader(r.wat)
		cmd.Stderr = os.Stderr
		wasm, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: wasm-tools: %v", r.name, err)
		}
		fmt.Fprintf(&out, "%s\t%s\n", r.name, base64.StdEncoding.EncodeToString(wasm))
	}
	if err := os.WriteFile(filepath.Join("testdata", "rules.b64"), []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRules(t *testing.T) {
	rs := rules(t)
	if *update {
		assemble(t, rs)
	}
	wasms := binaries(t)
	if len(wasms) != len(rs) {
		t.Errorf("%d binaries for %d cases: run with -update", len(wasms), len(rs))
	}
	for _, r := range rs {
		t.Run(r.name, func(t *testing.T) {
			c, err := binary.Decode(wasms[r.name])
			if err != nil {
				t.Fatal(err)
			}
			err = validate.Component(c, validate.Options{})
			if r.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var e *validate.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want a *validate.Error with %q", err, r.want)
			}
			if !strings.Contains(e.Error(), r.want) {
				t.Errorf("error %q, want %q in it", e, r.want)
			}
			if (e.Feature != "") != strings.Contains(r.want, "feature ") {
				t.Errorf("feature %q in error %q", e.Feature, e)
			}
			if e.Offset < 0 || e.Offset > len(wasms[r.name]) {
				t.Errorf("offset %d of %d bytes", e.Offset, len(wasms[r.name]))
			}
		})
	}
}

// TestAllow accepts features that the specification gates once they are allowed.
func TestAllow(t *testing.T) {
	wasms := binaries(t)
	for name, f := range map[string]validate.Feature{
		"stackful lift": validate.StackfulLift, "threads": validate.CoopThreads, "error-context": validate.ErrorContext,
	} {
		if err := decodeAndValidate(wasms[name], validate.Options{Allow: map[validate.Feature]bool{f: true}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// chain defines n types, each of which def makes of the one before it, of which it gets the index as a valtype.
func chain(n int, def func(prev string) string) []byte {
	leb := func(n int) string { return string([]byte{byte(n)&0x7f | 0x80, byte(n>>7)&0x7f | 0x80, byte(n >> 14)}) }
	body := leb(n+1) + "\x70\x7d" // list u8
	for i := range n {
		body += def(leb(i))
	}
	return []byte("\x00asm\x0d\x00\x01\x00\x07" + leb(len(body)) + body)
}

// imports is a component that imports an instance type m times, which exports a resource and n functions of it: m times
// n types come of it.
func imports(m, n int) []byte {
	leb := func(n int) string { return string([]byte{byte(n)&0x7f | 0x80, byte(n>>7)&0x7f | 0x80, byte(n >> 14)}) }
	typ := "\x01\x42" + leb(3+n) + "\x04\x00\x01r\x03\x01" + "\x01\x69\x00" + "\x01\x40\x01\x01p\x01\x01\x00"
	for i := range n {
		name := fmt.Sprintf("f%d", i)
		typ += "\x04\x00" + string([]byte{byte(len(name))}) + name + "\x01\x02"
	}
	ims := leb(m)
	for i := range m {
		name := fmt.Sprintf("i%d", i)
		ims += "\x00" + string([]byte{byte(len(name))}) + name + "\x05\x00"
	}
	return []byte("\x00asm\x0d\x00\x01\x00\x07" + leb(len(typ)) + typ + "\x0a" + leb(len(ims)) + ims)
}

func TestBounds(t *testing.T) {
	twice := func(p string) string { return "\x6f\x02" + p + p }
	option := func(p string) string { return "\x6b" + p }
	for _, tt := range []struct {
		name string
		in   []byte
		want string
	}{
		{"size", chain(30, twice), "effective type size exceeds"},
		{"depth", chain(1000, option), "type nesting is too deep"},
		{"neither", chain(10, twice), ""},
		{"little work", imports(3, 3), ""},
		{"work", imports(3000, 3000), "too complex"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := decodeAndValidate(tt.in, validate.Options{})
			if tt.want == "" && err == nil {
				return
			}
			if err == nil || tt.want == "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzComponent(f *testing.F) {
	for _, wasm := range binaries(f) {
		f.Add(wasm)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := binary.Decode(in)
		if err != nil {
			return
		}
		if err := validate.Component(c, validate.Options{}); err != nil && !errors.As(err, new(*validate.Error)) {
			t.Fatalf("error %T %v", err, err)
		}
	})
}
