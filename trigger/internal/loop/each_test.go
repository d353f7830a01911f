package loop

import (
	"errors"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

type config struct{ name string }

// TestEach: triggers of other types are left out, and errors say which trigger has the mistake.
func TestEach(t *testing.T) {
	for name, c := range map[string]struct {
		triggers []workload.TriggerSpec
		want     []string
		err      string
	}{
		"none":    {nil, nil, ""},
		"of type": {[]workload.TriggerSpec{{Type: "a", Component: "c", Config: config{"x"}}, {Type: "b", Config: 1}, {Type: "a", Component: "d", Config: config{"y"}}}, []string{"c x", "d y"}, ""},
		"config":  {[]workload.TriggerSpec{{Type: "a", Component: "c", Config: &config{"x"}}}, nil, "trigger a: component c: the config is a *loop.config; want a loop.config"},
		"mistake": {[]workload.TriggerSpec{{Type: "a", Component: "c", Config: config{"x"}}, {Type: "a", Component: "d", Config: config{}}}, nil, "trigger a: component d: no name"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Each(&workload.Spec{Triggers: c.triggers}, "a", func(spec *workload.TriggerSpec, c config) (string, error) {
				if c.name == "" {
					return "", errors.New("no name")
				}
				return spec.Component + " " + c.name, nil
			})
			if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
				t.Errorf("%q, %v; wanted %q, %s", got, err, c.want, c.err)
			}
		})
	}
}
