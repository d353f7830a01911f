package validate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
)

// suiteGaps are the commands of the specification's suite on which this package may differ, each with its reason. A
// gap that closes fails the test too.
var suiteGaps = map[string]string{
	"validation/core-modules.wast:25": "the code of core modules is validated by the engine that compiles it",
}

// TestSuite runs the static commands of the specification's suite: what is invalid or malformed must be refused, what
// is a module accepted. It takes the suite as converted by `wasm-tools json-from-wast` (one folder a script, which
// holds x.json and its binaries) from the folder that VITRINE_WAST_JSON names.
func TestSuite(t *testing.T) {
	dir := os.Getenv("VITRINE_WAST_JSON")
	if dir == "" {
		t.Skip("VITRINE_WAST_JSON names no folder with the converted suite")
	}
	var files []string
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "x.json" {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		t.Fatalf("no x.json under %s", dir)
	}
	opts := validate.Options{Allow: map[validate.Feature]bool{
		validate.CoopThreads: true, validate.StackfulLift: true, validate.ErrorContext: true,
	}}
	refused, accepted, said, gaps := 0, 0, 0, map[string]bool{}
	for _, file := range files {
		script, _ := filepath.Rel(dir, filepath.Dir(file))
		var doc struct {
			Commands []struct {
				Type, Filename, Text string
				ModuleType           string `json:"module_type"`
				Line                 int
			}
		}
		raw, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(raw, &doc)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range doc.Commands {
			bad := c.Type == "assert_invalid" || c.Type == "assert_malformed"
			if c.ModuleType != "binary" || !bad && c.Type != "module" && c.Type != "module_definition" {
				continue
			}
			wasm, err := os.ReadFile(filepath.Join(filepath.Dir(file), c.Filename))
			if err != nil {
				t.Fatal(err)
			}
			where := script + ".wast:" + itoa(c.Line)
			err = decodeAndValidate(wasm, opts)
			switch _, gap := suiteGaps[where]; {
			case gap && (err == nil) == bad:
				gaps[where] = true
			case bad && err == nil:
				t.Errorf("%s: accepted, should be refused: %s", where, c.Text)
			case !bad && err != nil:
				t.Errorf("%s: refused, should be accepted: %v", where, err)
			case bad:
				refused++
				if strings.Contains(err.Error(), c.Text) {
					said++
				} else if testing.Verbose() {
					t.Logf("%s: %q is not in %q", where, c.Text, err)
				}
			default:
				accepted++
			}
		}
	}
	for where, why := range suiteGaps {
		if !gaps[where] {
			t.Errorf("%s is a gap no more (%s)", where, why)
		}
	}
	t.Logf("%d refused as they should (%d with the suite's words), %d accepted, %d gaps", refused, said, accepted, len(gaps))
}

func decodeAndValidate(wasm []byte, o validate.Options) error {
	c, err := binary.Decode(wasm)
	if err != nil {
		return err
	}
	return validate.Component(c, o)
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}
