package filesystemp2

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/cm/bind"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

func code(err error) string {
	var e *cm.ResultError[ErrorCode]
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return e.Value.String()
	}
	return "host error: " + err.Error()
}

func root(t *testing.T, readOnly bool) (Descriptor, string) {
	t.Helper()
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "a.txt"), []byte("hello"), 0o666); err != nil {
		t.Fatal(err)
	}
	dirs, err := preopens{&filesystem.Preopens{Folders: []filesystem.Preopen{{Host: host, Guest: "/data", ReadOnly: readOnly}}}}.GetDirectories(t.Context())
	if err != nil || len(dirs) != 1 || dirs[0].F1 != "/data" {
		t.Fatal(dirs, err)
	}
	t.Cleanup(func() { bind.DropObject(context.Background(), cm.NewResource(DescriptorResourceType, dirs[0].F0)) })
	return dirs[0].F0, host
}

// TestDescriptor walks through every function as a guest would.
func TestDescriptor(t *testing.T) {
	ctx := t.Context()
	d, host := root(t, false)
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %s", what, code(err))
		}
	}
	if f, _ := d.GetFlags(ctx); f != DescriptorFlagsRead|DescriptorFlagsMutateDirectory {
		t.Errorf("flags %b", f)
	}
	if typ, _ := d.GetType(ctx); typ != DescriptorTypeDirectory {
		t.Error(typ)
	}
	f, err := d.OpenAt(ctx, PathFlagsSymlinkFollow, "a.txt", 0, DescriptorFlagsRead|DescriptorFlagsWrite)
	ok("open-at", err)
	if typ, _ := f.GetType(ctx); typ != DescriptorTypeRegularFile {
		t.Error(typ)
	}
	r, err := f.Read(ctx, 100, 1)
	if ok("read", err); string(r.F0) != "ello" || !r.F1 {
		t.Errorf("%q %v", r.F0, r.F1)
	}
	n, err := f.Write(ctx, []byte("J"), 0)
	if ok("write", err); n != 1 {
		t.Error(n)
	}
	ok("set-size", f.SetSize(ctx, 3))
	ok("sync", f.Sync(ctx))
	ok("sync-data", f.SyncData(ctx))
	ok("advise", f.Advise(ctx, 0, 3, AdviceSequential))
	in, err := f.ReadViaStream(ctx, 0)
	ok("read-via-stream", err)
	if b, err := in.BlockingRead(ctx, 10); string(b) != "Jel" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	out, err := f.WriteViaStream(ctx, 1)
	ok("write-via-stream", err)
	ok("write", out.BlockingWriteAndFlush(ctx, []byte("uice")))
	app, err := f.AppendViaStream(ctx)
	ok("append-via-stream", err)
	ok("append", app.BlockingWriteAndFlush(ctx, []byte("!")))
	if b, _ := os.ReadFile(filepath.Join(host, "a.txt")); string(b) != "Juice!" {
		t.Errorf("%q", b)
	}
	at := clocksp2.Datetime{Seconds: 1_000_000_000, Nanoseconds: 5}
	ok("set-times", f.SetTimes(ctx, NewTimestampTimestamp(at), NewTimestampNow()))
	ok("set-times-at", d.SetTimesAt(ctx, 0, "a.txt", NewTimestampNoChange(), NewTimestampTimestamp(at)))
	st, err := f.Stat(ctx)
	ok("stat", err)
	if st.Type != DescriptorTypeRegularFile || st.Size != 6 || st.LinkCount != 1 || *st.DataAccessTimestamp != at || *st.DataModificationTimestamp != at || st.StatusChangeTimestamp == nil {
		t.Errorf("%+v", st)
	}
	ok("create-directory-at", d.CreateDirectoryAt(ctx, "sub"))
	sub, err := d.OpenAt(ctx, 0, "sub", OpenFlagsDirectory, DescriptorFlagsRead|DescriptorFlagsMutateDirectory)
	ok("open-at", err)
	ok("link-at", d.LinkAt(ctx, 0, "a.txt", sub, "hard"))
	ok("symlink-at", d.SymlinkAt(ctx, "a.txt", "soft"))
	if s, err := d.ReadlinkAt(ctx, "soft"); s != "a.txt" || err != nil {
		t.Error(s, err)
	}
	ok("rename-at", d.RenameAt(ctx, "soft", sub, "soft"))
	st, err = sub.StatAt(ctx, 0, "soft")
	if ok("stat-at", err); st.Type != DescriptorTypeSymbolicLink {
		t.Errorf("%+v", st)
	}
	es, err := sub.ReadDirectory(ctx)
	ok("read-directory", err)
	got := map[string]DescriptorType{}
	for {
		e, err := es.ReadDirectoryEntry(ctx)
		ok("read-directory-entry", err)
		if e == nil {
			break
		}
		got[e.Name] = e.Type
	}
	if len(got) != 2 || got["hard"] != DescriptorTypeRegularFile || got["soft"] != DescriptorTypeSymbolicLink {
		t.Error(got)
	}
	ok("drop", bind.DropObject(ctx, cm.NewResource(DirectoryEntryStreamType, es)))
	other, err := sub.OpenAt(ctx, 0, "hard", 0, DescriptorFlagsRead)
	ok("open-at", err)
	if same, _ := f.IsSameObject(ctx, other); !same {
		t.Error("a hard link is another object")
	}
	if same, _ := f.IsSameObject(ctx, d); same {
		t.Error("a file is its folder")
	}
	h1, err := f.MetadataHash(ctx)
	ok("metadata-hash", err)
	if h2, err := sub.MetadataHashAt(ctx, 0, "hard"); h1 != h2 || err != nil {
		t.Error(h1, h2, err)
	}
	ok("unlink-file-at", sub.UnlinkFileAt(ctx, "hard"))
	ok("unlink-file-at", sub.UnlinkFileAt(ctx, "soft"))
	ok("remove-directory-at", d.RemoveDirectoryAt(ctx, "sub"))
	for _, o := range []any{f, sub, other, in, out, app} {
		ok("drop", bind.DropObject(ctx, cm.NewResource(DescriptorResourceType, o)))
	}
}

func TestErrorCodes(t *testing.T) {
	ctx := t.Context()
	d, _ := root(t, true)
	_, missing := d.OpenAt(ctx, 0, "nope", 0, DescriptorFlagsRead)
	_, outside := d.StatAt(ctx, PathFlagsSymlinkFollow, "../x")
	_, link := d.ReadlinkAt(ctx, "a.txt")
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"missing", missing, "no-entry"},
		{"outside", outside, "not-permitted"},
		{"no link", link, "invalid"},
		{"read-only", d.CreateDirectoryAt(ctx, "x"), "read-only"},
		{"size of a directory", d.SetSize(ctx, 1), "is-directory"},
		{"no such time", d.SetTimes(ctx, NewTimestampTimestamp(clocksp2.Datetime{Nanoseconds: 1e9}), NewTimestampNow()), "invalid"},
		{"no such time", d.SetTimesAt(ctx, 0, "a.txt", NewTimestampNow(), NewTimestampTimestamp(clocksp2.Datetime{Seconds: math.MaxUint64})), "invalid"},
	} {
		if got := code(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	for _, c := range []filesystem.Code{"access", "cross-device", "io", "read-only", "no-tty"} {
		if errorCode(c).String() != string(c) {
			t.Errorf("%s becomes %s", c, errorCode(c))
		}
	}
	if _, err := (preopens{&filesystem.Preopens{Folders: []filesystem.Preopen{{Host: "/nonexistent-folder"}}}}).GetDirectories(ctx); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

// TestStreamErrorsHaveCodes follows an error of a stream back to the file system's word for it.
func TestStreamErrorsHaveCodes(t *testing.T) {
	ctx := t.Context()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here: ", err)
	}
	full.Close()
	d, err := filesystem.Preopen{Host: "/dev"}.Open(filesystem.NewQuota(0))
	if err != nil {
		t.Skip(err)
	}
	defer d.Close()
	f, err := wrap(d).OpenAt(ctx, 0, "full", 0, DescriptorFlagsWrite)
	if err != nil {
		t.Skip(code(err))
	}
	out, err := f.WriteViaStream(ctx, 0)
	if err != nil {
		t.Fatal(code(err))
	}
	err = out.BlockingWriteAndFlush(ctx, []byte("x"))
	var e *cm.ResultError[iop2.StreamError]
	if !errors.As(err, &e) || e.Value.Tag != iop2.StreamErrorTagLastOperationFailed {
		t.Fatal(err)
	}
	if c, err := (host{}).FilesystemErrorCode(ctx, e.Value.LastOperationFailed); err != nil || c == nil || *c != ErrorCodeInsufficientSpace {
		t.Error(c, err)
	}
	if c, err := (host{}).FilesystemErrorCode(ctx, iop2.NewError(errors.New("something else"))); c != nil || err != nil {
		t.Error("a code for what is no error of a file", c, err)
	}
}
