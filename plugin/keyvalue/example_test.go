package keyvalue_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/keyvaluetest"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/workload"
)

// table is a persistent backend with all data in one map, like a database's table. It has no optional interface, and serves all of
// wasi:keyvalue but increments.
type table struct {
	mu   sync.Mutex
	rows map[row]string
}

type row struct {
	keyvalue.Owner
	bucket, key string
}

func (t *table) Persistent() bool { return true }

func (t *table) Open(_ context.Context, owner keyvalue.Owner, name string) (keyvalue.Bucket, error) {
	return view{t, row{Owner: owner, bucket: name}}, nil
}

// view is one bucket.
type view struct {
	t  *table
	of row
}

func (v view) at(key string) row {
	v.of.key = key
	return v.of
}

func (v view) Get(_ context.Context, key string) ([]byte, bool, error) {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	value, found := v.t.rows[v.at(key)]
	return []byte(value), found, nil
}

func (v view) Set(_ context.Context, key string, value []byte) error {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	v.t.rows[v.at(key)] = string(value)
	return nil
}

func (v view) Delete(_ context.Context, key string) error {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	delete(v.t.rows, v.at(key))
	return nil
}

// List gives the keys in their order; the cursor is the last key of a page.
func (v view) List(_ context.Context, cursor string) (keyvalue.Page, error) {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	var keys []string
	for r := range maps.Keys(v.t.rows) {
		if r == v.at(r.key) && (cursor == "" || "after "+r.key > cursor) {
			keys = append(keys, r.key)
		}
	}
	slices.Sort(keys)
	if len(keys) <= 100 {
		return keyvalue.Page{Keys: keys}, nil
	}
	return keyvalue.Page{Keys: keys[:100], Next: "after " + keys[99]}, nil
}

// A program adds a backend of its own, which grants can name. The data is kept if the grant says so.
func Example() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		panic(err)
	}
	defer engine.Close(ctx)
	p := keyvalue.New(memory.New(0)).Add("table", &table{rows: map[row]string{}})
	fmt.Println(p.Backends())

	w := &workload.Spec{Name: "shop", Components: []workload.Component{{Name: "cart"}}}
	cart := &w.Components[0]
	for _, grant := range []workload.StoreGrant{{Backend: "table", Data: "keep"}, {Backend: "table"}, {Backend: "tables"}} {
		cart.Grants.Keyvalue = map[string]workload.StoreGrant{"sessions": grant}
		release, err := p.Bind(ctx, engine.NewLinker(nil), &host.Binding{Workload: w, Component: cart}) // as the host does
		fmt.Println(err)
		if err == nil {
			release()
		}
	}
	// Output:
	// [memory table]
	// <nil>
	// grants.keyvalue.sessions: backend table cannot forget what is stored when the workload ends; grant it with data: keep, or grant another
	// grants.keyvalue.sessions: there is no backend named "tables"; want memory or table
}

// TestExampleContract: the example passes the contract suite.
func TestExampleContract(t *testing.T) {
	keyvaluetest.Run(t, func(*testing.T) keyvalue.Backend { return &table{rows: map[row]string{}} })
}
