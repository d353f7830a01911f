package encode_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/guestfixture"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// differs is what may: the numbers of handles, of which our adapter has others open, and how large the guest's memory is, of which our adapter takes none.
var differs = regexp.MustCompile(`"0x[0-9a-f]+"|now [0-9]+`)

// TestReencodedBehaves runs the uses of all guests that are made anew, as their tools have made them and as this package does: what can be observed is the same.
func TestReencodedBehaves(t *testing.T) {
	ctx := context.Background()
	e, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	peers, err := guestfixture.NewPeers()
	if err != nil {
		t.Fatal(err)
	}
	defer peers.Close()
	for _, g := range guestfixture.Guests() {
		if notReencoded[g.Name] != "" || g.Name == "otel-example-go" { // the latter takes as long as all others, and does what the other two of Go do
			continue
		}
		t.Run(g.Name, func(t *testing.T) {
			had := link(t, e, &g, peers, testref.Guest)
			has := link(t, e, &g, peers, func(t testing.TB, name string) []byte { return reencode(t.(*testing.T), name) })
			for n, u := range slices.Concat(g.Uses, g.FatalUses) {
				want, got := do(t, had, u, n), do(t, has, u, n)
				if differs.ReplaceAllString(got, "…") != differs.ReplaceAllString(want, "…") {
					t.Errorf("use %d: it does\n%s\nand the guest\n%s", n, got, want)
				}
			}
		})
	}
}

func link(t *testing.T, e *component.Engine, g *guestfixture.Guest, peers *guestfixture.Peers, read func(testing.TB, string) []byte) *guestfixture.Fixture {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "kept"), []byte("what was there\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := g.Link(context.Background(), e, guestfixture.Config{
		Peers: peers, Folder: folder, Read: func(name string) ([]byte, error) { return read(t, name), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// do is what can be observed of a use of a new instance.
func do(t *testing.T, f *guestfixture.Fixture, u guestfixture.Use, n int) string {
	t.Helper()
	ctx := context.Background()
	inst, err := f.Linked.Instantiate(guestfixture.NewWorld(uint64(n)).In(ctx), f.Options(component.Fresh)...)
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close(ctx)
	out, _ := f.Do(ctx, inst, u, guestfixture.NewWorld(uint64(n)+1))
	return out
}
