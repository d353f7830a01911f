package instance

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
)

// A call that fails half-way may have taken resources out of the caller's table, or from the host, without putting them into the callee's.
// The guest is dead then, and its destructors are not run, but the host's resources (an open file, say) have to be dropped.

// dropMoved drops the resources that a lifting took before it failed.
func (s *Store) dropMoved(ctx context.Context) {
	for _, r := range s.handles.moved {
		r.DropUnended(ctx)
	}
	s.handles.moved = s.handles.moved[:0]
}

// dropVals drops the resources that values own. Those that are in a table already are dropped only once.
func dropVals(ctx context.Context, fields []cm.Field, vals []cm.Val) {
	for i := range min(len(fields), len(vals)) {
		cm.DropOwned(ctx, fields[i].Type, vals[i])
	}
}
