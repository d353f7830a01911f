package blobstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/workload"
)

// constructors are the functions that make resources, each with the bound of the host's memory for them.
var constructors = map[string]string{
	"wasi:blobstore/blobstore@0.2.0-draft#create-container":                                "account: its name",
	"wasi:blobstore/blobstore@0.2.0-draft#get-container":                                   "account: its name",
	"wasi:blobstore/container@0.2.0-draft#[method]container.get-data":                      "account: the object's bytes",
	"wasi:blobstore/container@0.2.0-draft#[method]container.list-objects":                  "account: the names",
	"wasmcloud:blobstore/blobstore@0.1.0#create-container":                                 "account: its name",
	"wasmcloud:blobstore/blobstore@0.1.0#get-container":                                    "account: its name",
	"wasmcloud:blobstore/container@0.1.0#[method]container.get-data":                       "account: the open object, until the stream is dropped or read",
	"wasmcloud:blobstore/container@0.1.0#[method]container.list-objects":                   "account: a page of names, until the stream is dropped or read",
	"wasi:blobstore/types@0.2.0-draft#[static]outgoing-value.new-outgoing-value":           "account: what is written, where it goes",
	"wasi:blobstore/types@0.2.0-draft#[method]outgoing-value.outgoing-value-write-body":    "the value's bytes; the buffer of splices",
	"wasi:blobstore/types@0.2.0-draft#[static]incoming-value.incoming-value-consume-async": "account: the object's bytes until it is closed",
}

func TestConstructorsAreAccountedFor(t *testing.T) {
	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	l := e.NewLinker(nil)
	if _, err := New(&ownerBackend{}).Bind(t.Context(), l, &host.Binding{Workload: &workload.Spec{}, Component: &workload.Component{}}); err != nil {
		t.Fatal(err)
	}
	// Every other function is listed here, so that a new one fails the test.
	others := []string{
		"blobstore#container-exists", "blobstore#copy-object", "blobstore#delete-container", "blobstore#move-object",
		"container#[method]container.clear", "container#[method]container.delete-object", "container#[method]container.delete-objects",
		"container#[method]container.has-object", "container#[method]container.info", "container#[method]container.name",
		"container#[method]container.object-info", "container#[method]container.write-data",
		"container#[method]stream-object-names.read-stream-object-names", "container#[method]stream-object-names.skip-stream-object-names",
		"types#[method]incoming-value.size", "types#[static]incoming-value.incoming-value-consume-sync", "types#[static]outgoing-value.finish",
	}
	for _, name := range l.Definitions() {
		short := strings.NewReplacer("@0.2.0-draft", "", "wasi:blobstore/", "", "@0.1.0", "", "wasmcloud:blobstore/", "").Replace(name)
		isFunc := strings.Contains(name, "#")
		if isFunc && constructors[name] == "" && !slices.Contains(others, short) {
			t.Errorf("%s is in no list", name)
		}
	}
}

// TestHostMemory: a guest's account bounds the memory of its values, streams, names and containers, and dropping them frees it.
func TestHostMemory(t *testing.T) {
	const most = 1 << 20
	_, _, b := newStore(t)
	s := storeWith(inMemoryBackend{b})
	c, err := s.GetContainer(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	b.containers["c"]["large"] = make([]byte, most/4)
	for i := range 100 {
		b.containers["c"][strings.Repeat("n", 1000)+string(rune('a'+i))] = nil
	}
	long := strings.Repeat("l", most/8)
	b.containers[long] = map[string][]byte{}
	type dropper interface{ Drop(context.Context) error }
	for name, step := range map[string]func(ctx context.Context) ([]any, error){
		"values written": func(ctx context.Context) ([]any, error) {
			o, err := s.OutgoingValueNewOutgoingValue(ctx)
			if err != nil {
				return nil, err
			}
			w, err := o.OutgoingValueWriteBody(ctx)
			if err != nil {
				return nil, err
			}
			for range 30 {
				if err := w.BlockingWriteAndFlush(ctx, make([]byte, 4096)); err != nil {
					return []any{o, w}, err
				}
			}
			return []any{o, w}, nil
		},
		"destinations": func(ctx context.Context) ([]any, error) {
			o, err := s.OutgoingValueNewOutgoingValue(ctx)
			for range 1000 {
				if err == nil {
					err = c.WriteData(ctx, "somewhere", o)
				}
			}
			return []any{o}, err
		},
		"values read": func(ctx context.Context) ([]any, error) {
			v, err := c.GetData(ctx, "large", 0, 0) // the first byte keeps all of them
			return []any{v}, err
		},
		"values read by streams": func(ctx context.Context) ([]any, error) {
			v, err := c.GetData(ctx, "large", 0, most)
			if err != nil {
				return nil, err
			}
			in, err := s.IncomingValueIncomingValueConsumeAsync(ctx, v)
			return []any{in}, err
		},
		"names": func(ctx context.Context) ([]any, error) {
			v, err := c.ListObjects(ctx)
			return []any{v}, err
		},
		"containers": func(ctx context.Context) ([]any, error) {
			v, err := s.GetContainer(ctx, strings.Clone(long))
			return []any{v}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			account := cm.NewAccount(most)
			ctx := context.WithValue(t.Context(), cm.AccountKey(), account)
			var made []any
			var err error
			n := 0
			for ; err == nil && n < 1000; n++ {
				var more []any
				more, err = step(ctx)
				made = append(made, more...)
			}
			var text *cm.ResultError[bindings.Error]
			var stream *cm.ResultError[iop2.StreamError]
			var limit *cm.LimitError
			if !errors.As(err, &limit) || limit.Limit != "hostMemory" || !errors.As(err, &text) && !errors.As(err, &stream) {
				t.Fatalf("after %d times: %v, wanted the interface's error for hostMemory", n, err)
			}
			if text != nil && !strings.Contains(text.Value, "--host-memory") {
				t.Errorf("the guest is told %q", text.Value)
			}
			if account.Used() > most {
				t.Errorf("the account holds %d", account.Used())
			}
			for _, r := range slices.Backward(made) {
				if d, ok := r.(dropper); ok && r != nil {
					if err := d.Drop(ctx); err != nil {
						t.Error(err)
					}
				}
			}
			if account.Used() != 0 {
				t.Errorf("with all dropped the account holds %d", account.Used())
			}
		})
	}
}

// TestFinishedValues: a value that was stored holds no memory.
func TestFinishedValues(t *testing.T) {
	s, c, _ := newStore(t)
	account := cm.NewAccount(10_000)
	ctx := context.WithValue(t.Context(), cm.AccountKey(), account)
	for range 20 {
		o := newOutgoing(t, s)
		w, err := o.OutgoingValueWriteBody(ctx)
		if err == nil {
			err = errors.Join(w.BlockingWriteAndFlush(ctx, make([]byte, 4000)), c.WriteData(ctx, "o", o), s.OutgoingValueFinish(ctx, o))
		}
		if err != nil || account.Used() != 0 {
			t.Fatalf("%v, and the account holds %d", err, account.Used())
		}
	}
}
