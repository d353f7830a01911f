package workload

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
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
}

// Secret says where a program finds a secret: a workload never holds the secret itself, so that nothing that shows a workload can
// show it. The zero Secret is none.
type Secret struct {
	Env  string `yaml:"env" doc:"The environment variable of the host that has it."`
	File string `yaml:"file" path:"true" doc:"The file that has it, from the manifest's folder; a line feed at its end is not part of it."`
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
	info, err := os.Stat(s.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the file %s does not exist", s.File)
	case err != nil:
		return "", fmt.Errorf("reading a secret: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return "", fmt.Errorf("%s: want a regular file of at most %d bytes", s.File, maxSecret)
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}
