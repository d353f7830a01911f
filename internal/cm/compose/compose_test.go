package compose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/compose"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// part makes a part of a prebuilt guest, linked by patterns of import names.
func part(t *testing.T, name, guest string, links map[string]int) compose.Part {
	t.Helper()
	wasm := testref.Guest(t, guest)
	c, err := binary.Decode(wasm)
	if err != nil {
		t.Fatal(err)
	}
	p := compose.Part{Name: name, Bytes: wasm, Component: c, Links: map[string]int{}}
	for _, d := range c.Defs {
		if im, ok := d.(*binary.Import); ok {
			for pattern, to := range links {
				if strings.HasPrefix(im.Name.Name, pattern) {
					p.Links[im.Name.Name] = to
				}
			}
		}
	}
	return p
}

// boundaries are the edges of a component, as text.
func boundaries(t *testing.T, name string, wasm []byte) (all, imports []string) {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	c, err := engine.Load(t.Context(), name, wasm)
	if err != nil {
		t.Fatal(err)
	}
	edges, err := c.Boundaries()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range edges {
		all = append(all, b.Kind.String()+" "+string(b.Caller)+" → "+string(b.Callee)+" "+b.Name())
	}
	slices.Sort(all)
	for _, id := range c.Imports() {
		imports = append(imports, id.String())
	}
	slices.Sort(imports)
	return all, imports
}

// TestLikeWac: what is composed has the boundaries, and so the spans, and the imports of what wac has made of the same parts.
func TestLikeWac(t *testing.T) {
	for name, parts := range map[string]func(t *testing.T) []compose.Part{
		"shop-composed": func(t *testing.T) []compose.Part {
			return []compose.Part{
				part(t, "http", "rust-shop-http", map[string]int{"shop:cart": 1}),
				part(t, "cart", "rust-cart", map[string]int{"shop:price": 2}), part(t, "price", "rust-price", nil),
			}
		},
		"mw1-composed-p3": func(t *testing.T) []compose.Part {
			return []compose.Part{part(t, "a", "rust-mw-a-p3", map[string]int{"wasi:http/handler": 1}), part(t, "service", "rust-http-p3", nil)}
		},
		"mw2-composed-p3": func(t *testing.T) []compose.Part {
			return []compose.Part{part(t, "b", "rust-mw-b-p3", map[string]int{"wasi:http/handler": 1}), part(t, "a", "rust-mw-a-p3", map[string]int{"wasi:http/handler": 2}), part(t, "service", "rust-http-p3", nil)}
		},
		"feed-composed-p3": func(t *testing.T) []compose.Part {
			return []compose.Part{part(t, "http", "rust-feed-http-p3", map[string]int{"shop:feed": 1}), part(t, "feed", "rust-feed-p3", nil)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			wasm, err := compose.Compose(parts(t), validate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, imports := boundaries(t, name, wasm)
			want, wantImports := boundaries(t, name, testref.Guest(t, name))
			if !slices.Equal(got, want) {
				t.Errorf("the boundaries are\n%s\nwac's are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if !slices.Equal(imports, wantImports) {
				t.Errorf("it imports %v\nwac's imports %v", imports, wantImports)
			}
		})
	}
}

// TestNamesAlike: parts may have one name, as files of it in two folders have.
func TestNamesAlike(t *testing.T) {
	_, err := compose.Compose([]compose.Part{part(t, "shop", "rust-cart", map[string]int{"shop:price": 1}), part(t, "shop", "rust-price", nil)}, validate.Options{})
	if err != nil {
		t.Error(err)
	}
}

// TestDoesNotFit: a link in a circle, and one to a part without the export, are errors.
func TestDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		parts []compose.Part
		want  string
	}{
		"circle":    {[]compose.Part{part(t, "a", "rust-mw-a-p3", map[string]int{"wasi:http/handler": 1}), part(t, "b", "rust-mw-b-p3", map[string]int{"wasi:http/handler": 0})}, "the links form a cycle"},
		"no export": {[]compose.Part{part(t, "cart", "rust-cart", map[string]int{"shop:price": 1}), part(t, "other", "rust-http-p2", nil)}, "other does not export it; it exports wasi:http/incoming-handler"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := compose.Compose(c.parts, validate.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("had %v; want %q", err, c.want)
			}
		})
	}
}
