package granted

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/workload"
)

// address is HOST, or HOST/PART, after "at:" and a login that ends in "@".
type address struct{ login, host, part string }

var (
	errInvalid = errors.New("invalid")
	errDenied  = errors.New("denied")
	errParse   = errors.New("want at:HOST")
)

func parse(text string) (a address, err error) {
	rest, ok := strings.CutPrefix(text, "at:")
	if !ok {
		return a, errParse
	}
	if login, after, ok := strings.Cut(rest, "@"); ok {
		a.login, rest = login, after
	}
	a.host, a.part, _ = strings.Cut(strings.ToLower(rest), "/")
	return a, nil
}

var kind = Kind[address]{
	Key: "things", Noun: "a thing", IsAddress: func(name string) bool { return strings.HasPrefix(name, "at:") }, Parse: parse,
	Check: func(name string) error {
		if a, err := parse(name); err == nil && a.login != "" {
			return errors.New("it has a login")
		}
		return nil
	},
	Covers: func(grant, given *address) bool {
		return grant.host == given.host && (grant.part == "" || grant.part == given.part)
	},
	Part:  func(a *address) bool { return a.part != "" },
	Place: func(a *address) string { return "at:" + a.host }, Invalid: errInvalid, Denied: errDenied,
}

// bind binds a component, of the name c, to grants of backends that are the grants' own names.
func bind(t *testing.T, told *functions.Lines, names ...string) (*Servers[address, string], error) {
	t.Helper()
	set := backend.NewTypes[string]().StoresNothing()
	set.AddType(workload.BackendType{Name: "thing", Config: ""}, func(_ context.Context, config any) (string, error) { return config.(string), nil })
	grants := map[string]workload.StoreGrant{}
	for _, name := range names {
		grants[name] = workload.StoreGrant{Type: "thing", Config: name}
	}
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c"}}}
	s, release, err := Bind(t.Context(), &kind, set, &host.Binding{Workload: w, Component: &w.Components[0], Lines: host.NewLines(w, &w.Components[0], told)}, grants)
	if err == nil {
		t.Cleanup(release)
	}
	return s, err
}

// TestFind: who is named by a grant's name or by an address that one covers is found, and for others operators get a line without logins.
func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		grants      []string
		given, want string // the grant's name
		login       string
		err         error
		line        string
	}{
		"name":                       {grants: []string{"cache"}, given: "cache", want: "cache"},
		"name of another":            {grants: []string{"cache"}, given: "planted", err: errInvalid, line: "a thing that is not among the granted ones is not granted; to allow it, add NAME: {things: URL} to grants.things of component c"},
		"no grants":                  {given: "planted", err: errInvalid, line: "a thing that is not among the granted ones is not granted; to allow it, add NAME: {things: URL} to grants.things of component c"},
		"address":                    {grants: []string{"at:a"}, given: "at:me@A", want: "at:a", login: "me"},
		"address, part of it":        {grants: []string{"at:a"}, given: "at:a/1", want: "at:a"},
		"the part first":             {grants: []string{"at:a", "at:a/1"}, given: "at:a/1", want: "at:a/1"},
		"another part":               {grants: []string{"at:a", "at:a/1"}, given: "at:a/2", want: "at:a"},
		"only a part":                {grants: []string{"at:a/1"}, given: "at:a", err: errDenied, line: `at:a is not granted; to allow it, add "at:a": {things: URL} to grants.things of component c`},
		"another server":             {grants: []string{"at:a", "b"}, given: "at:planted@b/planted", err: errDenied, line: `at:b is not granted; to allow it, add "at:b": {things: URL} to grants.things of component c`},
		"one server under two names": {grants: []string{"at:A", "at:a"}, given: "at:a", want: "at:A"},
		"a name is no address":       {grants: []string{"a"}, given: "at:a", err: errDenied, line: `at:a is not granted; to allow it, add "at:a": {things: URL} to grants.things of component c`},
	} {
		t.Run(name, func(t *testing.T) {
			told := &functions.Lines{}
			s, err := bind(t, told, c.grants...)
			if err != nil {
				t.Fatal(err)
			}
			f, err := s.Find(t.Context(), c.given)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%v, wanted %v", err, c.err)
			}
			if f.Name != c.want || f.Route.Backend != c.want || c.err == nil && f.Given.login != c.login {
				t.Errorf("found %+v", f)
			}
			if got := strings.Join(told.All(), "\n"); got != c.line {
				t.Errorf("operators are told %q, wanted %q", got, c.line)
			}
		})
	}
}

// TestNamed: a grant that guests do not name.
func TestNamed(t *testing.T) {
	told := &functions.Lines{}
	s, err := bind(t, told, "default")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Named(t.Context(), "default"); err != nil || r.Backend != "default" {
		t.Errorf("%v, %v", r, err)
	}
	if len(told.All()) > 0 {
		t.Errorf("operators are told %q", told.All())
	}
	if _, err := s.Named(t.Context(), "other"); !errors.Is(err, errDenied) {
		t.Error(err)
	}
	if got := strings.Join(told.All(), "\n"); got != "a thing is not granted; to allow it, add other: {things: URL} to grants.things of component c" {
		t.Errorf("operators are told %q", got)
	}
}

// TestNames: a grant's name that is wrong is not in the error, as it may have a password.
func TestNames(t *testing.T) {
	_, err := bind(t, &functions.Lines{}, "at:a", "at:me:planted@a")
	if err == nil || err.Error() != "grants.things: a name: it has a login" {
		t.Error(err)
	}
}
