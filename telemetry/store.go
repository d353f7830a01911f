package telemetry

import (
	"context"
	"errors"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// stored is the interface of a resource whose data is in a store: the system that has it, by OpenTelemetry's name (db.system.name); empty: none yet.
// By one of the interfaces below it gives the name of the collection, which may be empty, or of the database.
type stored interface{ StoreSystem() string }

type collection interface{ StoreCollection() string } // db.collection.name
type database interface{ StoreNamespace() string }    // db.namespace

// storeAnswer is the interface of an error that a store has answered with: its code, by the store's own rules (db.response.status_code).
type storeAnswer interface{ StoreStatus() string }

// operationOf is the name of an operation on a store: the function's, without its resource.
func operationOf(function string) string {
	if _, name, ok := strings.Cut(function, "."); ok && strings.HasPrefix(function, "[") {
		return name
	}
	return function
}

// describeStore sets the attributes of a call on a store, which is the first argument's or the result's. Keys and values are never
// recorded. s is locked.
func (h *hostCall) describeStore(s *span.Span, c *cm.Call, end *cm.End) {
	s.Str(attrDBOperation, h.operation)
	var answer storeAnswer
	if errors.As(end.Cause, &answer) {
		s.Str(attrDBStatus, answer.StoreStatus())
	}
	in := storeOf(c)
	if in == nil {
		return
	}
	if in.StoreSystem() == "" { // an object that has no place yet
		return
	}
	s.Str(attrDBSystem, in.StoreSystem())
	if c, ok := in.(collection); ok && c.StoreCollection() != "" {
		s.Str(attrDBCollection, c.StoreCollection())
	}
	if d, ok := in.(database); ok {
		s.Str(attrDBNamespace, d.StoreNamespace())
	}
}

func storeOf(c *cm.Call) stored {
	typ := c.Boundary.Type
	if typ == nil {
		return nil
	}
	if args := c.Args(); len(args) > 0 && isResource(typ, 0) {
		in, _ := args[0].Resource().Obj.(stored)
		return in
	}
	t, results := typ.Result, c.Results()
	if t == nil || len(results) == 0 || results[0].IsZero() {
		return nil
	}
	v, ok := results[0], t.Kind == cm.KindOwn
	if t.Kind == cm.KindResult && t.OK != nil && t.OK.Kind == cm.KindOwn && v.Case() == 0 {
		v, ok = v.Payload()
	}
	if !ok {
		return nil
	}
	in, _ := v.Resource().Obj.(stored)
	return in
}

// storeCall is the hooks of a call on a store that the plugin names, where no resource does.
type storeCall struct{ *hostCall }

func newStoreCall(base *hostCall) cm.Hooks { return storeCall{base} }

type storeState struct {
	span *span.Span // nil when it is not sampled
	in   host.StoreCall
}

// Enter opens the span, if the level of detail includes it.
func (h storeCall) Enter(c *cm.Call) context.Context {
	ctx := h.hostCall.Enter(c)
	s, ok := c.State.(*span.Span)
	if !ok {
		return ctx
	}
	st := &storeState{span: s}
	c.State = st
	return host.WithStoreCall(ctx, &st.in)
}

// Exit ends the span and measures.
func (h storeCall) Exit(c *cm.Call, end cm.End) {
	st, ok := c.State.(*storeState)
	if !ok {
		h.hostCall.Exit(c, end)
		return
	}
	if in := storeOf(c); in == nil || in.StoreSystem() == "" {
		st.describe()
	}
	h.exit(c, st.span, end)
}

// describe sets what the plugin has said.
func (st *storeState) describe() {
	system, namespace, collection := st.in.Store()
	if system == "" {
		return
	}
	st.span.Lock()
	defer st.span.Unlock()
	st.span.Str(attrDBSystem, system)
	if namespace != "" {
		st.span.Str(attrDBNamespace, namespace)
	}
	if collection != "" {
		st.span.Str(attrDBCollection, collection)
	}
}
