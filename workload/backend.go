package workload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"unicode/utf8"
)

// BackendType describes one type of backend that grants of stores configure, as {sqlite: data.db}, to readers, writers and checkers of
// workloads. It is plain data, and independent of the backend's implementation.
type BackendType struct {
	// Name is the key in the grant, and StoreGrant.Type.
	Name string
	// Doc describes it in the schema, in a sentence.
	Doc string
	// Config is the zero value of StoreGrant.Config's type: a struct as TriggerType.Config is. A field with the tag path ("true") is a path
	// on the host, which a manifest gives from its own folder. The field with the tag short ("true"), a string, is what a text in the place
	// of the struct means. Credentials are fields of type [Secret].
	Config any
	// Check finds a mistake that types alone do not show, in a Config without such mistakes: its key in Config, "" for the whole,
	// and what is wrong and what is wanted. Nil: nothing is checked.
	Check func(config any) (key, problem string)
	// State is the Config of grants that name no backend, in a program that keeps such data in folder, which the backend makes if it is
	// missing. One type of a plugin may have it; without, those grants have the plugin's first backend.
	State func(folder string) any
}

// Secret says where a program finds a secret: a workload never holds the secret itself, so that nothing that shows a workload can
// show it. The zero Secret is none.
type Secret struct {
	Env  string `yaml:"env" doc:"The environment variable of the host that has it."`
	File string `yaml:"file" path:"true" doc:"The file that has it, from the manifest's folder. Only its owner may read and write it (mode 0600). A line feed at the end of a text is not part of it."`
}

// maxSecret bounds a secret's file, in bytes.
const maxSecret = 64 << 10

// Read returns the secret, "" for the zero Secret. Errors name the place, and never what is there.
func (s Secret) Read() (string, error) {
	switch {
	case s.Env != "" && s.File != "":
		return "", errors.New("a secret has two places, env and file; want one")
	case s.Env != "":
		v, ok := os.LookupEnv(s.Env)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", s.Env)
		}
		return v, nil
	case s.File == "":
		return "", nil
	}
	data, err := readPrivate(s.File)
	if err != nil {
		return "", err
	}
	if utf8.Valid(data) {
		data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	}
	return string(data), nil
}

// readPrivate reads a file of a secret. Errors name the file, and never what is there.
func readPrivate(file string) ([]byte, error) {
	info, err := os.Stat(file) // before it is opened, since opening a pipe waits for its other end
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the file %s does not exist", file)
	case err != nil:
		return nil, fmt.Errorf("reading a secret: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return nil, fmt.Errorf("%s: want a regular file of at most %d bytes", file, maxSecret)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading a secret: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, fmt.Errorf("reading a secret: %w", err)
	}
	if mode := info.Mode().Perm(); mode&^0o600 != 0 && runtime.GOOS != "windows" { // whose modes do not say who may read
		return nil, fmt.Errorf("%s: the file's mode is %#o, want 0600 or stricter, since a secret is for its owner only: chmod 600 makes it so", file, mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a secret: %w", err)
	case len(data) > maxSecret:
		return nil, fmt.Errorf("%s: want a regular file of at most %d bytes", file, maxSecret)
	}
	return data, nil
}
