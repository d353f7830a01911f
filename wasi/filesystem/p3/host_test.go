package filesystemp3

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// folder opens a folder of the host for a guest.
func folder(t *testing.T, readOnly bool) (descriptor, string) {
	t.Helper()
	dir := t.TempDir()
	dirs, err := preopens{&filesystem.Preopens{Folders: []filesystem.Preopen{{Host: dir, Guest: "/data", ReadOnly: readOnly}}}}.GetDirectories(t.Context())
	if err != nil || len(dirs) != 1 || dirs[0].F1 != "/data" {
		t.Fatal(dirs, err)
	}
	d := dirs[0].F0.(descriptor)
	t.Cleanup(func() { _ = d.Drop(context.Background()) })
	return d, dir
}

func open(t *testing.T, d descriptor, path string, how OpenFlags, access DescriptorFlags) descriptor {
	t.Helper()
	f, err := d.OpenAt(t.Context(), 0, path, how, access)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.(descriptor).Drop(context.Background()) })
	return f.(descriptor)
}

// write writes text by a stream and gives the outcome.
func write(t *testing.T, text string, via func(context.Context, bytesReader) (resultReader, error)) *ErrorCode {
	t.Helper()
	w, r := cm.NewStream[uint8]()
	ended, err := via(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(cm.WriteStream(t.Context(), w), text)
	_ = w.Close()
	return outcome(t, ended)
}

func outcome(t *testing.T, ended resultReader) *ErrorCode {
	t.Helper()
	got, err := ended.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.IsErr {
		return &got.Err
	}
	return nil
}

func want(t *testing.T, what string, err error, code ErrorCode) {
	t.Helper()
	var fail *cm.ResultError[ErrorCode]
	if !errors.As(err, &fail) || fail.Value != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

func TestStreams(t *testing.T) {
	d, dir := folder(t, false)
	f := open(t, d, "f", OpenFlagsCreate, DescriptorFlagsRead|DescriptorFlagsWrite)
	long := strings.Repeat("0123456789", 20_000)
	at := func(o Filesize) func(context.Context, bytesReader) (resultReader, error) {
		return func(ctx context.Context, r bytesReader) (resultReader, error) { return f.WriteViaStream(ctx, r, o) }
	}
	for _, c := range []*ErrorCode{write(t, long, at(0)), write(t, "ab", at(3)), write(t, "end", f.AppendViaStream)} {
		if c != nil {
			t.Error(c)
		}
	}
	text := long[:3] + "ab" + long[5:] + "end"
	if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, from := range []int{0, 4, len(text), len(text) + 10} {
		s, err := f.ReadViaStream(t.Context(), Filesize(from))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(cm.ReadStream(t.Context(), s.F0))
		if c := outcome(t, s.F1); err != nil || c != nil || string(got) != text[min(from, len(text)):] {
			t.Errorf("from %d: %d bytes, %v, %v", from, len(got), err, c)
		}
	}
	s, _ := f.ReadViaStream(t.Context(), 0)
	_ = s.F0.Close()
	if c := outcome(t, s.F1); c != nil {
		t.Error(c)
	}
	only := open(t, d, "f", 0, DescriptorFlagsRead)
	if c := write(t, "x", only.AppendViaStream); c == nil || c.Tag != ErrorCodeTagBadDescriptor {
		t.Errorf("written though it is open for reading: %v", c)
	}
	s, _ = d.ReadViaStream(t.Context(), 0)
	if got, err := io.ReadAll(cm.ReadStream(t.Context(), s.F0)); err != nil || len(got) > 0 {
		t.Error(len(got), err)
	}
	if c := outcome(t, s.F1); c == nil || c.Tag != ErrorCodeTagIsDirectory {
		t.Errorf("a folder was read: %v", c)
	}
	s, _ = f.ReadViaStream(t.Context(), math.MaxUint64)
	_ = s.F0.Close()
	if c := outcome(t, s.F1); c == nil || c.Tag != ErrorCodeTagInvalid {
		t.Errorf("an offset that is none: %v", c)
	}
	// A stream outlives the descriptor.
	gone, err := d.OpenAt(t.Context(), 0, "f", 0, DescriptorFlagsRead)
	if err != nil {
		t.Fatal(err)
	}
	s, _ = gone.ReadViaStream(t.Context(), Filesize(len(text)-3))
	_ = gone.(descriptor).Drop(t.Context())
	if got, err := io.ReadAll(cm.ReadStream(t.Context(), s.F0)); string(got) != "end" || err != nil || outcome(t, s.F1) != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDirectory(t *testing.T) {
	ctx := t.Context()
	d, dir := folder(t, false)
	if err := d.CreateDirectoryAt(ctx, "sub"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	var names []string
	s, err := d.ReadDirectory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range s.F0.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name+" "+e.Type.String())
	}
	slices.Sort(names)
	if got := strings.Join(names, ", "); got != "file regular-file, sub directory" || outcome(t, s.F1) != nil {
		t.Error(got)
	}
	f := open(t, d, "file", 0, DescriptorFlagsRead)
	if s, err := f.ReadDirectory(ctx); err != nil {
		t.Error(err)
	} else if c := outcome(t, s.F1); c == nil || c.Tag != ErrorCodeTagNotDirectory {
		t.Error(c)
	}
	st, err := d.StatAt(ctx, 0, "file")
	if err != nil || st.Size != 5 || st.Type.Tag != DescriptorTypeTagRegularFile || st.DataModificationTimestamp == nil {
		t.Errorf("%+v, %v", st, err)
	}
	before := clocksp3.Instant{Seconds: -10, Nanoseconds: 5}
	if err := d.SetTimesAt(ctx, 0, "file", NewTimestampNow(), NewTimestampTimestamp(before)); err != nil {
		t.Error(err)
	}
	if st, _ := f.Stat(ctx); st.DataModificationTimestamp == nil || st.DataModificationTimestamp.Seconds != -10 {
		t.Errorf("%+v", st.DataModificationTimestamp)
	}
	want(t, "no moment", f.SetTimes(ctx, NewTimestampNoChange(), NewTimestampTimestamp(clocksp3.Instant{Nanoseconds: 1e9})), ErrorCodeInvalid())
	for what, err := range map[string]error{
		"rename":  d.RenameAt(ctx, "file", d, "moved"),
		"link":    d.LinkAt(ctx, 0, "moved", d, "second"),
		"symlink": d.SymlinkAt(ctx, "moved", "link"),
	} {
		if err != nil && what == "rename" {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = d.OpenAt(ctx, 0, "nothing", 0, DescriptorFlagsRead)
	want(t, "open", err, ErrorCodeNoEntry())
	want(t, "remove", d.RemoveDirectoryAt(ctx, "nothing"), ErrorCodeNoEntry())
	if err := d.RemoveDirectoryAt(ctx, "sub"); err != nil {
		t.Error(err)
	}
	if err := d.UnlinkFileAt(ctx, "moved"); err != nil {
		t.Error(err)
	}
	if same, err := d.IsSameObject(ctx, d); !same || err != nil {
		t.Error(same, err)
	}
	if a, err := d.MetadataHash(ctx); err != nil || a == (MetadataHashValue{}) {
		t.Error(a, err)
	}
	ro, _ := folder(t, true)
	want(t, "read-only", ro.CreateDirectoryAt(ctx, "x"), ErrorCodeReadOnly())
	if fl, _ := ro.GetFlags(ctx); fl&DescriptorFlagsMutateDirectory != 0 {
		t.Error(fl)
	}
	if ty, _ := ro.GetType(ctx); ty.Tag != DescriptorTypeTagDirectory {
		t.Error(ty)
	}
}

// TestErrorCodes: every code of the capability has a case.
func TestErrorCodes(t *testing.T) {
	for _, c := range []filesystem.Code{filesystem.CodeAccess, filesystem.CodeNoMemory, filesystem.CodeCrossDevice, "text-file-busy"} {
		if got := errorCode(&filesystem.Error{Code: c}); got.Tag.String() != string(c) {
			t.Errorf("%s becomes %v", c, got)
		}
	}
	if got := errorCode(&filesystem.Error{Code: "would-block"}); got.Tag != ErrorCodeTagIO {
		t.Error(got)
	}
}
