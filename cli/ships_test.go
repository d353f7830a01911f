package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// bell is a program's own trigger: it invokes its component as often as its config says, and then fails.
type bell struct {
	attached chan *workload.TriggerSpec
	invoker  host.Invoker
	results  *[]string
}

type bellConfig struct {
	Times int `yaml:"times" required:"true" min:"1"`
}

func (b *bell) Type() string { return "bell" }

func (b *bell) Attach(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	b.invoker = inv
	b.attached <- &w.Triggers[0]
	return func(context.Context) error { return nil }, nil
}

func (b *bell) Run(ctx context.Context) error {
	t := <-b.attached
	for i := range t.Config.(bellConfig).Times {
		err := b.invoker.Invoke(ctx, &host.Invocation{Component: t.Component, Trigger: b.Type(), Name: "ring", Run: func(ctx context.Context, inst *component.Instance) error {
			f, err := inst.Func(wit.MustParseID("wasi:cli/run@0.2.6"), "run")
			if err == nil {
				_, err = f.Call(ctx)
			}
			return err
		}})
		*b.results = append(*b.results, fmt.Sprintf("%d: %v", i, err))
	}
	return errors.New("the rope is torn")
}

// TestOwnTrigger: the commands serve, check and write a program's own type of trigger, and make it only where a workload has it.
func TestOwnTrigger(t *testing.T) {
	guest, err := filepath.Abs("testdata/ok.wasm")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	manifest := func(trigger string) {
		text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components: [{name: a, source: {file: %q}}]\n  triggers: [%s]\n", guest, trigger)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var rung []string
	made := 0
	ships := Standard()
	ships.Triggers = append(ships.Triggers, Trigger{
		Type: workload.TriggerType{Name: "bell", Config: bellConfig{}},
		New: func(c TriggerConfig) (host.Trigger, error) {
			made++
			if c.Workload.Name != "shop" || c.Logger == nil {
				t.Errorf("made for %+v", c)
			}
			return &bell{attached: make(chan *workload.TriggerSpec, 1), results: &rung}, nil
		},
	})
	with := func(ships Ships, args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		p := &process{ships: ships, stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(name string) string {
			return map[string]string{"VITRINE_CACHE_DIR": "off", "OTEL_SDK_DISABLED": "true"}[name]
		}}
		return p.main(args), out.String(), errs.String()
	}

	manifest("{bell: {times: 3, component: a}}")
	if code, out, errs := with(ships, "check", file); code != ExitOK || out != "ok: shop, 1 component; vitrine up would serve it\n" {
		t.Errorf("check: %d %s%s", code, out, errs)
	}
	code, _, errs := with(ships, "up", file)
	if code != ExitFailed || !strings.HasPrefix(errs, "serving shop\n") || !strings.Contains(errs, "the rope is torn") || strings.Join(rung, ", ") != "0: <nil>, 1: <nil>, 2: <nil>" {
		t.Errorf("up: %d, rung %v\n%s", code, rung, errs)
	}
	if code, out, errs := with(ships, "up", "--write", "--fuel", "5k", file); code != ExitOK || !strings.Contains(out, "  triggers: [{bell: {times: 3, component: a}}]\n") ||
		!strings.Contains(out, "limits: {fuel: 5k}") {
		t.Errorf("up --write: %d %s%s", code, out, errs)
	}
	if made != 2 {
		t.Errorf("%d bells were made, want one for check and one for up", made)
	}
	if code, _, errs := with(Standard(), "check", file); code != ExitUsage || !strings.Contains(errs, "6:15: spec.triggers[0].bell: unknown key; want http") {
		t.Errorf("a program without bells: %d %s", code, errs)
	}
	manifest("{bell: {times: 0, component: b}}")
	if code, _, errs := with(ships, "check", file); code != ExitUsage || !strings.Contains(errs, "6:29: spec.triggers[0].bell.times: 0: want at least 1") || !strings.Contains(errs, `there is no component named "b"`) {
		t.Errorf("mistakes: %d %s", code, errs)
	}
	manifest("{http: {path: /, component: a}}")
	if code, _, errs := with(ships, "check", file); code != ExitUsage || !strings.Contains(errs, "does not export wasi:http/handler or wasi:http/incoming-handler") || made != 2 {
		t.Errorf("a workload without bells: %d, %d bells\n%s", code, made, errs)
	}
}

// TestSchemaMatchesStandardShips: the published schema is that of the standard program.
func TestSchemaMatchesStandardShips(t *testing.T) {
	ships := Standard()
	want, err := ships.format().Schema()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../app/vitrine.schema.json"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if had, err := os.ReadFile(file); err != nil || !bytes.Equal(had, want) {
		t.Errorf("%v: app/vitrine.schema.json is another; go test ./cli -update writes it", err)
	}
}
