package validate_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/tests/wast"
)

// suiteGaps are the commands of the specification's suite on which this package may differ, each with its reason. A
// gap that closes fails the test too.
var suiteGaps = map[string]string{
	"validation/core-modules.wast:25": "the code of core modules is validated by the engine that compiles it",
}

// TestSuite runs the static commands of the specification's suite: what is invalid or malformed must be refused, what
// is a module accepted. Those of asynchronous scripts are among them, which tests/wast does not run.
func TestSuite(t *testing.T) {
	root := testref.Suite(t)
	files, err := wast.Files([]string{root})
	if err != nil {
		t.Fatal(err)
	}
	conv, err := wast.NewConverter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	opts := validate.Options{Allow: map[validate.Feature]bool{
		validate.CoopThreads: true, validate.StackfulLift: true, validate.ErrorContext: true,
	}}
	refused, accepted, said, gaps := 0, 0, 0, map[string]bool{}
	for _, file := range files {
		rel, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := conv.Convert(t.Context(), file)
		if errors.Is(err, wast.ErrNoTool) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range doc.Commands {
			bad := c.Type == "assert_invalid" || c.Type == "assert_malformed"
			if c.ModuleType != "binary" || !bad && c.Type != "module" && c.Type != "module_definition" {
				continue
			}
			wasm, err := doc.Bytes(&c)
			if err != nil {
				t.Fatal(err)
			}
			where := fmt.Sprintf("%s:%d", filepath.ToSlash(rel), c.Line)
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
