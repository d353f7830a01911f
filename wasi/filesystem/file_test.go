package filesystem

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

func second(d *Descriptor, err error) error {
	if err == nil {
		d.Close()
	}
	return err
}

func TestOpen(t *testing.T) {
	d, host := open(t, false)
	os.Symlink("a.txt", filepath.Join(host, "link"))
	os.Symlink("sub", filepath.Join(host, "dirlink"))
	for name, c := range map[string]struct {
		follow bool
		path   string
		how    OpenFlags
		flags  Flags
		want   Code
		typ    Type
	}{
		"file":                     {true, "a.txt", 0, Read, "ok", TypeRegularFile},
		"below":                    {false, "sub/b.txt", 0, Read, "ok", TypeRegularFile},
		"inside by ..":             {true, "sub/../a.txt", 0, Read, "ok", TypeRegularFile},
		"itself":                   {false, ".", Directory, Read, "ok", TypeDirectory},
		"directory":                {false, "sub/", Directory, Read, "ok", TypeDirectory},
		"directory by link":        {true, "dirlink", Directory, Read, "ok", TypeDirectory},
		"link followed":            {true, "link", 0, Read, "ok", TypeRegularFile},
		"link not followed":        {false, "link", 0, Read, CodeLoop, 0},
		"directory link, no":       {false, "dirlink", Directory, Read, CodeLoop, 0},
		"directory link, no, a /":  {false, "dirlink/", 0, Read, CodeLoop, 0},
		"missing":                  {true, "nope", 0, Read, CodeNoEntry, 0},
		"empty":                    {true, "", 0, Read, CodeNoEntry, 0},
		"nul":                      {true, "a\x00b", 0, Read, CodeInvalid, 0},
		"file as directory":        {true, "a.txt", Directory, Read, CodeNotDirectory, 0},
		"file as directory, no":    {false, "a.txt", Directory, Read, CodeNotDirectory, 0},
		"below a file":             {true, "a.txt/x", 0, Read, CodeNotDirectory, 0},
		"directory to write":       {true, "sub", 0, Write, CodeIsDirectory, 0},
		"exclusive without create": {true, "a.txt", Exclusive, Read, "ok", TypeRegularFile},
		"create what is there":     {false, "a.txt", Create | Exclusive, Write, CodeExist, 0},
		"create":                   {false, "new", Create | Exclusive, Read | Write, "ok", TypeRegularFile},
		"name too long":            {true, strings.Repeat("x", 300), 0, Read, "name-too-long", 0},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := d.Open(c.follow, c.path, c.how, c.flags)
			want(t, "open", err, c.want)
			if err != nil {
				return
			}
			defer o.Close()
			if s, err := o.Stat(); err != nil || s.Type != c.typ {
				t.Errorf("type %d, %v", s.Type, err)
			}
		})
	}
}

func TestReadAndWriteAt(t *testing.T) {
	d, host := open(t, false)
	f := d.mustOpen(t, "a.txt", 0, Read|Write)
	for _, c := range []struct {
		n, at uint64
		want  string
		end   bool
	}{{3, 0, "hel", false}, {10, 3, "lo", true}, {10, 99, "", true}, {0, 0, "", false}, {5, 0, "hello", false}} {
		b, end, err := f.ReadAt(c.n, c.at)
		if string(b) != c.want || end != c.end || err != nil {
			t.Errorf("read %d at %d: %q %v %v", c.n, c.at, b, end, err)
		}
	}
	if n, err := f.WriteAt([]byte("XY"), 8); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if b, _ := os.ReadFile(filepath.Join(host, "a.txt")); string(b) != "hello\x00\x00\x00XY" {
		t.Errorf("%q", b)
	}
	if err := f.SetSize(2); err != nil {
		t.Fatal(err)
	}
	if s, _ := f.Stat(); s.Size != 2 || s.Links != 1 || s.Modified.IsZero() || s.Accessed.IsZero() || s.Change.IsZero() != (runtime.GOOS == "windows") {
		t.Errorf("%+v", s)
	}
	want(t, "huge offset", second2(f.WriteAt(nil, 1<<63)), CodeInvalid)
	want(t, "huge size", f.SetSize(1<<63), CodeInvalid)
	ro := d.mustOpen(t, "a.txt", 0, Read)
	want(t, "write what is open for reading", second2(ro.WriteAt([]byte("x"), 0)), CodeBadDescriptor)
	_, _, err := d.mustOpen(t, "a.txt", 0, Write).ReadAt(1, 0)
	want(t, "read what is open for writing", err, CodeBadDescriptor)
	_, _, err = d.ReadAt(1, 0)
	want(t, "read a directory", err, CodeIsDirectory)
	for _, err := range []error{f.Sync(), f.SyncData(), ro.Sync(), d.Sync(), d.SyncData(), f.Advise(0, 0, AdviceWillNeed), f.Advise(1, 5, AdviceNoReuse)} {
		want(t, "sync, advise", err, "ok")
	}
	want(t, "advise overflow", f.Advise(1<<62, 1<<62+1<<62-1, AdviceNormal), CodeInvalid)
}

func second2(_ uint64, err error) error { return err }

func TestStreams(t *testing.T) {
	d, host := open(t, false)
	f := d.mustOpen(t, "big", Create, Read|Write)
	w, err := f.Writer(3)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	if err := wasiio.WriteAndFlush(t.Context(), w, data); err != nil {
		t.Fatal(err)
	}
	a, err := f.Appender()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := f.Appender()
	for range 3 { // two appenders never overwrite each other
		wasiio.WriteAndFlush(t.Context(), a, []byte("A"))
		wasiio.WriteAndFlush(t.Context(), b, []byte("B"))
	}
	r, err := f.Reader(3)
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // the streams stay open
	var got []byte
	buf := make([]byte, 50_000)
	for {
		n, err := wasiio.BlockingRead(t.Context(), r, buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, append(data, "ABABAB"...)) {
		t.Errorf("read %d bytes, %q at the end", len(got), got[max(0, len(got)-10):])
	}
	if all, _ := os.ReadFile(filepath.Join(host, "big")); !bytes.Equal(all[3:], got) {
		t.Error("the file holds something else")
	}
	for _, c := range []io.Closer{r, w, a, b, r} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Read(t.Context(), buf); err != io.EOF {
		t.Errorf("after close: %v", err)
	}
}

func TestNamedPipe(t *testing.T) {
	d, host := open(t, false)
	path := filepath.Join(host, "pipe")
	if err := mkfifo(path); err != nil {
		t.Skip("no named pipes here: ", err)
	}
	f := d.mustOpen(t, "pipe", 0, Read|Write) // does not block
	if s, _ := f.Stat(); s.Type != TypeFIFO {
		t.Errorf("type %d", s.Type)
	}
	r, err := f.Reader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, err := f.Writer(0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := wasiio.WriteAndFlush(t.Context(), w, []byte("through")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 20)
	if n, err := wasiio.BlockingRead(t.Context(), r, buf); string(buf[:n]) != "through" || err != nil {
		t.Fatalf("%q %v", buf[:n], err)
	}
}
