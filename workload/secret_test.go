package workload_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TestSecret: a secret is read from its place, and errors say which place and what is wrong with it, and nothing of what is there.
func TestSecret(t *testing.T) {
	const planted = "planted-s3cr3t"
	dir := t.TempDir()
	file := func(name string, mode os.FileMode, data string) workload.Secret {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // regardless of the process's mask
			t.Fatal(err)
		}
		return workload.Secret{File: path}
	}
	t.Setenv("VITRINE_TEST_SECRET", planted+"\n")
	t.Setenv("VITRINE_TEST_EMPTY", "")
	binary := planted + "\xff\n"
	type row struct {
		of        workload.Secret
		want, err string
		unix      bool
	}
	rows := map[string]row{
		"none":               {of: workload.Secret{}},
		"environment":        {of: workload.Secret{Env: "VITRINE_TEST_SECRET"}, want: planted + "\n"},
		"empty environment":  {of: workload.Secret{Env: "VITRINE_TEST_EMPTY"}},
		"file":               {of: file("file", 0o600, planted), want: planted},
		"a line feed":        {of: file("line", 0o400, planted+"\n"), want: planted},
		"two line feeds":     {of: file("lines", 0o600, planted+"\n\n"), want: planted + "\n"},
		"CR LF":              {of: file("crlf", 0o600, planted+"\r\n"), want: planted},
		"bytes":              {of: file("bytes", 0o600, binary), want: binary},
		"empty file":         {of: file("empty", 0o600, "")},
		"the largest":        {of: file("largest", 0o600, strings.Repeat("x", 64<<10)), want: strings.Repeat("x", 64<<10)},
		"too large":          {of: file("large", 0o600, planted+strings.Repeat("x", 64<<10)), err: "large: want a regular file of at most 65536 bytes"},
		"a folder":           {of: workload.Secret{File: dir}, err: "want a regular file"},
		"no file":            {of: workload.Secret{File: filepath.Join(dir, "none")}, err: "none does not exist"},
		"no variable":        {of: workload.Secret{Env: "VITRINE_TEST_NONE"}, err: "the environment variable VITRINE_TEST_NONE is not set"},
		"two places":         {of: workload.Secret{Env: "VITRINE_TEST_SECRET", File: "x"}, err: "two places, env and file"},
		"read by a group":    {of: file("group", 0o640, planted), err: "group: the file's mode is 0640, want 0600 or stricter", unix: true},
		"read by all":        {of: file("all", 0o644, planted), err: "all: the file's mode is 0644, want 0600 or stricter", unix: true},
		"written by others":  {of: file("others", 0o602, planted), err: "the file's mode is 0602", unix: true},
		"run by the owner":   {of: file("run", 0o700, planted), err: "the file's mode is 0700", unix: true},
		"executed by others": {of: file("exec", 0o601, planted), err: "the file's mode is 0601", unix: true},
	}
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			if r.unix && runtime.GOOS == "windows" {
				r.want, r.err = planted, "" // modes say nothing there
			}
			got, err := r.of.Read()
			if got != r.want || (err != nil) != (r.err != "") {
				t.Fatalf("%.40q, %v; wanted %.40q, error %q", got, err, r.want, r.err)
			}
			if err != nil && (!strings.Contains(err.Error(), r.err) || strings.Contains(err.Error(), planted)) {
				t.Errorf("%v; wanted %q", err, r.err)
			}
		})
	}
}

// TestSecretBehindALink: the mode that counts is the file's own.
func TestSecretBehindALink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, bytes.Repeat([]byte("x"), 3), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Logf("no symbolic links here: %v", err)
		return
	}
	if got, err := (workload.Secret{File: link}).Read(); got != "xxx" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(target, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (workload.Secret{File: link}).Read(); err == nil || !strings.Contains(err.Error(), "mode is 0644") {
		t.Error(err)
	}
}
