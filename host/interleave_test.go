package host

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// parked is an invocation on a goroutine of its own, which is parked in a host function while others have their turn.
type parked struct {
	name           string
	resume, paused chan struct{}
	err            error
}

type parkedKey struct{}

// TestInterleavedInvocationsWriteTheirOwnLines: of invocations that are in one store at once, by turns, each has its own
// unfinished line and its own budget of output, and what its lines are logged in is its own.
func TestInterleavedInvocationsWriteTheirOwnLines(t *testing.T) {
	rec := &recorder{}
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "turns", Limits: workload.Limits{OutputLines: 3}}}}
	write := NewLines(w, &w.Components[0], rec).Stream("stdout")
	pause := func(ctx context.Context) *parked {
		p := ctx.Value(parkedKey{}).(*parked)
		p.paused <- struct{}{}
		<-p.resume
		return p
	}

	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	l := e.NewLinker(nil)
	h := l.Instance(wit.InterfaceID{})
	thing := &cm.ResourceType{Name: "thing"}
	h.Resource("thing", thing)
	h.Func("make", &cm.FuncType{Result: cm.OwnOf(thing)}, nil)
	h.Func("look", &cm.FuncType{Params: []cm.Field{{Name: "t", Type: cm.BorrowOf(thing)}}}, nil)
	park := func(ctx context.Context) error {
		for n := range 5 { // half a line before its turn, and half of it after
			name := ctx.Value(parkedKey{}).(*parked).name
			if err := write(ctx, fmt.Appendf(nil, "%s %d, first half", name, n)); err != nil {
				return err
			}
			p := pause(ctx)
			if err := write(ctx, fmt.Appendf(nil, " and second of %s\n%s is unfini", p.name, p.name)); err != nil {
				return err
			}
			if err := write(ctx, []byte("shed\n")); err != nil {
				return err
			}
		}
		return write(ctx, []byte("the end"))
	}
	h.Define(cm.HostDef{Name: "park", Type: &cm.FuncType{}, Parts: func(context.Context, []cm.Val) (cm.Work, error) {
		return func(ctx context.Context) cm.Finish {
			err := park(ctx)
			return func(context.Context) (cm.Val, error) { return cm.Val{}, err }
		}, nil
	}})
	wasm, err := os.ReadFile("../testdata/turns/turns.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(t.Context(), "turns", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close(context.Background())

	var all []*parked
	var seats []*component.Instance
	for _, name := range []string{"a", "b"} {
		// As two invocations in one instance would be; a pool gives it to one at a time.
		seat := inst.Use(&component.Use{Info: cm.InstanceInfo{ID: uint64(len(all) + 1)}})
		f, err := seat.Func(wit.InterfaceID{}, name+"-run")
		if err != nil {
			t.Fatal(err)
		}
		p := &parked{name: name, resume: make(chan struct{}), paused: make(chan struct{})}
		go func() {
			_, p.err = f.Call(context.WithValue(t.Context(), parkedKey{}, p), cm.U32Val(1))
			close(p.paused)
		}()
		<-p.paused
		all, seats = append(all, p), append(seats, seat)
	}
	for range 5 {
		for _, p := range all {
			p.resume <- struct{}{}
			<-p.paused
		}
	}
	for i, p := range all {
		if p.err != nil {
			t.Fatal(p.err)
		}
		if err := seats[i].End(); err != nil {
			t.Error(err)
		}
	}
	got := map[string][]string{}
	for _, line := range rec.lines {
		if line.Stream == "stdout" {
			got[line.Text[:1]] = append(got[line.Text[:1]], line.Text)
		}
	}
	for _, name := range []string{"a", "b"} {
		want := []string{name + " 0, first half and second of " + name, name + " is unfinished", name + " 1, first half and second of " + name}
		if !slices.Equal(got[name], want) {
			t.Errorf("%s wrote\n%s\nwant the three lines that it may\n%s", name, strings.Join(got[name], "\n"), strings.Join(want, "\n"))
		}
	}
}
