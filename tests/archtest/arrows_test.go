package archtest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/vitrine-wasm/vitrine"

type pkg struct {
	ImportPath, Name, Doc      string
	Imports, TestImports, Deps []string
	XTestImports               []string
}

// packages lists the root module's packages.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

// An arrow is a forbidden import: packages that match From, and not Except, must not import packages that match To. Patterns
// are matched against import paths; the module's own are shortened to their folder.
type arrow struct {
	why              string
	from, except, to *regexp.Regexp
	tests            bool // test files count, too
	deep             bool // indirect imports count
}

var otel = regexp.MustCompile(`^go\.opentelemetry\.io/`)

var arrows = []arrow{
	{
		why:  "the Component Model layer knows no OpenTelemetry, not even through others",
		from: regexp.MustCompile(`^(wit|cm|component|internal/cm|internal/core|internal/corewasm)(/|$)`), to: otel, deep: true,
	},
	{
		why:  "telemetry is made at the boundary: only telemetry, the process's set-up and what shows it know OpenTelemetry",
		from: regexp.MustCompile(`.*`), except: regexp.MustCompile(`^(telemetry|cli|view|tests/otlptest|tests/otelchecks|tests/attribution)(/|$)`), to: otel, tests: true,
	},
	{
		why:  "measurements go through telemetry/internal/bound, which mends their texts: the rest of telemetry has no other instruments",
		from: regexp.MustCompile(`^telemetry$`), to: regexp.MustCompile(`^go\.opentelemetry\.io/otel/metric$`),
	},
	{
		why:  "who embeds a part links no exporter unless they choose one: the environment's are telemetry/autoconf's",
		from: regexp.MustCompile(`^(cm|component|host|plugin|telemetry|trigger|wasi|workload|app)(/|$)`), except: regexp.MustCompile(`^telemetry/autoconf$`),
		to: regexp.MustCompile(`^google\.golang\.org/grpc(/|$)|^github\.com/prometheus/|^go\.opentelemetry\.io/(contrib/(exporters/autoexport|otelconf)|otel/exporters/(prometheus|stdout|otlp/otlp(log|metric|trace)/otlp))`), deep: true,
	},
	{
		why:  "only internal/core knows wazero",
		from: regexp.MustCompile(`.*`), except: regexp.MustCompile(`^internal/core$`), to: regexp.MustCompile(`^github\.com/tetratelabs/wazero`),
	},
	{
		why:  "capabilities, plugins and triggers use what an embedder could use",
		from: regexp.MustCompile(`^(wasi|plugin|trigger|host|telemetry|workload|app)(/|$)`), to: regexp.MustCompile(`^internal/(cm|core|corewasm)(/|$)`),
	},
	{
		why:  "cm imports wit and nothing else of the house",
		from: regexp.MustCompile(`^cm(/|$)`), to: regexp.MustCompile(`^(component|host|workload|wasi|telemetry|internal|app|plugin|trigger)(/|$)`),
	},
	{
		why:  "wit imports nothing",
		from: regexp.MustCompile(`^wit$`), to: regexp.MustCompile(`^(cm|component|host|workload|wasi|telemetry|internal|app|plugin|trigger)(/|$)|\.`),
	},
	{
		why:  "the Component Model proper knows no network and no engine",
		from: regexp.MustCompile(`^internal/cm/(binary|types|validate|plan|canon|handle|task)$`), to: regexp.MustCompile(`^(net|net/.*|internal/core|component|host)$`),
	},
	{
		why:  "component knows nothing of hosts",
		from: regexp.MustCompile(`^component(/|$)`), to: regexp.MustCompile(`^(host|workload|wasi|telemetry|app|plugin|trigger|net)(/|$)`),
	},
	{
		why:  "a workload is data",
		from: regexp.MustCompile(`^workload$`), to: regexp.MustCompile(`^(cm|component|host|wasi|telemetry|internal|app|plugin|trigger)(/|$)`),
	},
	{
		why:  "the command line is on top: programs alone are made of it",
		from: regexp.MustCompile(`.*`), except: regexp.MustCompile(`^(cli|cmd|bench|examples)(/|$)`), to: regexp.MustCompile(`^cli$`), tests: true,
	},
	{
		why:  "the apparatus of tests is for tests",
		from: regexp.MustCompile(`.*`), except: regexp.MustCompile(`^(tests|bench|examples)(/|$)`), to: regexp.MustCompile(`^tests/`),
	},
	{
		why:  "nothing under the root module knows Kubernetes",
		from: regexp.MustCompile(`.*`), to: regexp.MustCompile(`^k8s\.io/|^sigs\.k8s\.io/controller-runtime`), tests: true,
	},
	{
		why:  "no cgo",
		from: regexp.MustCompile(`.*`), to: regexp.MustCompile(`^C$`), tests: true,
	},
}

func TestArrows(t *testing.T) {
	for _, p := range packages(t) {
		for _, a := range arrows {
			if !a.from.MatchString(p.ImportPath) || a.except != nil && a.except.MatchString(p.ImportPath) {
				continue
			}
			imports := p.Imports
			if a.deep {
				imports = p.Deps
			}
			if a.tests {
				imports = append(append(append([]string{}, imports...), p.TestImports...), p.XTestImports...)
			}
			for _, im := range imports {
				if a.to.MatchString(strings.TrimPrefix(im, module+"/")) && !strings.HasPrefix(im, p.ImportPath) {
					t.Errorf("%s imports %s: %s", p.ImportPath, im, a.why)
				}
			}
		}
	}
}

// TestNoTriggerTypeByName: packages that carry, read and start workloads name no type of trigger.
func TestNoTriggerTypeByName(t *testing.T) {
	named := regexp.MustCompile(`^"(http|timer|command|cron|message|queue)"$`)
	for _, dir := range []string{"workload", "app", "host"} {
		files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || filepath.Base(file) == "grant.go" { // destinations have schemes
				continue
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && named.MatchString(l.Value) {
					t.Errorf("%s: %s is a type of trigger", set.Position(l.Pos()), l.Value)
				}
				return true
			})
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s (package %s) has no package comment", p.ImportPath, p.Name)
		}
	}
}

// TestNoGlobalEffects finds init functions, os.Exit outside cmd, and cgo in the module's non-test code.
func TestNoGlobalEffects(t *testing.T) {
	root := "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" || rel != "." && otherModule(path)):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		exits := strings.HasPrefix(rel, "cmd/") || f.Name.Name == "main"
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: an init function registers behind the reader's back", rel)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "os" && n.Sel.Name == "Exit" && !exits {
					t.Errorf("%s: os.Exit belongs in a main package", rel)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// otherModule says whether a folder is the root of a module of its own.
func otherModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
