package wast

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Script is a converted .wast file.
type Script struct {
	Source   string    `json:"source_filename"`
	Commands []Command `json:"commands"`

	dir string // of the binaries
}

// Command is one top-level form. Which fields are set depends on Type; the tool's names are kept.
type Command struct {
	Type       string  `json:"type"`
	Line       int     `json:"line"`
	Name       string  `json:"name"`        // module, module_definition: the name that it is given; register: whose exports
	Instance   string  `json:"instance"`    // module_instance: the name that it is given
	Module     string  `json:"module"`      // module_instance: of which definition
	As         string  `json:"as"`          // register
	Filename   string  `json:"filename"`    // the module
	ModuleType string  `json:"module_type"` // "binary" or "text"
	Text       string  `json:"text"`        // assert_*: the expected message
	Action     *Action `json:"action"`
	Expected   []Value `json:"expected"`
}

// Action is a call, or ("get") a read of a global.
type Action struct {
	Type   string  `json:"type"`
	Module string  `json:"module"` // the instance; empty: the one made last
	Field  string  `json:"field"`
	Args   []Value `json:"args"`
}

// Value is a typed value; Value's form depends on Type.
type Value struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// scriptFile is the name of the list of commands in the folder of a converted script.
const scriptFile = "script.json"

// textSuffix follows the name of a quoted text in the name of its binary.
const textSuffix = ".wasm"

// readScript reads a converted script from its folder.
func readScript(dir string) (*Script, error) {
	raw, err := os.ReadFile(filepath.Join(dir, scriptFile))
	if err != nil {
		return nil, err
	}
	s := &Script{dir: dir}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, scriptFile), err)
	}
	return s, nil
}

// errText is the error of a quoted text that the tool refuses.
var errText = errors.New("the text is malformed")

// Bytes reads the module of a command.
func (s *Script) Bytes(c *Command) ([]byte, error) {
	path := filepath.Join(s.dir, filepath.Base(c.Filename))
	if c.ModuleType != "text" {
		return os.ReadFile(path)
	}
	wasm, err := os.ReadFile(path + textSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errText
	}
	return wasm, err
}
