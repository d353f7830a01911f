package blobstore

import (
	"errors"
	"os"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestChildren: dropping or finishing an outgoing-value before its output-stream traps.
func TestChildren(t *testing.T) {
	ctx := t.Context()
	e, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	wasm, err := os.ReadFile("../../testdata/children/blobstore.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(ctx, "blobstore", wasm)
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLinker(nil)
	iop2.Add(l)
	if _, err := New(&ownerBackend{}).Bind(ctx, l, &host.Binding{Workload: &workload.Spec{}, Component: &workload.Component{}}); err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer linked.Close(ctx)
	const parent, alive = "wasi:blobstore/types@0.2.0-draft.outgoing-value", " while its child wasi:io/streams@0.2.12.output-stream is alive"
	for name, want := range map[string]string{
		"drop-parent-first":   parent + " dropped" + alive,
		"finish-parent-first": parent + " consumed" + alive,
		"drop-child-first":    "",
		"finish-child-first":  "",
	} {
		t.Run(name, func(t *testing.T) {
			inst, err := linked.Instantiate(ctx)
			if err != nil {
				t.Fatal(err)
			}
			_, err = inst.Call(ctx, name)
			var trap *cm.Trap
			switch {
			case want == "" && err != nil:
				t.Error(err)
			case want != "" && (!errors.As(err, &trap) || trap.Code != cm.TrapMisuse || trap.Detail != want):
				t.Errorf("got %v, want a trap that says %s", err, want)
			}
			if err := inst.Close(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
