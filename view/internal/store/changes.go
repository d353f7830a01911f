package store

import (
	"context"
	"slices"
)

// maxChanges bounds the traces that one call of Changes looks at.
const maxChanges = 1000

// Changes returns the traces that match and have changed after a place, in the order of their last changes; Offset and Limit are not looked at.
// next is the place to go on from, and more says that there may be others before the last change of the store. A trace that changes again
// is returned again.
func (s *Store) Changes(ctx context.Context, q TraceQuery, after Cursor) (out []Summary, next Cursor, more bool, err error) {
	candidates, next, more := s.changesAfter(&q, after)
	if len(q.Contains)+len(q.Lacks) == 0 {
		for i := range candidates {
			out = append(out, candidates[i].Summary)
		}
		return out, next, more, nil
	}
	bounded, cancel := context.WithTimeout(ctx, s.contentTime)
	defer cancel()
	for i := range candidates {
		look := bounded
		if i == 0 { // however long it takes: else nobody would get past it
			look = ctx
		}
		ok, err := s.contentMatches(look, &candidates[i], &q)
		switch {
		case ctx.Err() != nil:
			return nil, after, false, ctx.Err()
		case i > 0 && bounded.Err() != nil:
			return out, candidates[i-1].At, true, nil
		case err != nil:
			return nil, after, false, err
		case ok:
			out = append(out, candidates[i].Summary)
		}
	}
	return out, next, more, nil
}

// changesAfter are the first traces by their last changes.
func (s *Store) changesAfter(q *TraceQuery, after Cursor) (out []candidate, next Cursor, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	type change struct {
		ref
		at Cursor
	}
	var all []change
	for r, e := range s.index.newestFirst() {
		at := s.index.changed(r, e)
		if !after.Before(at) {
			continue
		}
		if sum := s.index.summary(r, e); q.Match == nil || q.Match(&sum) {
			all = append(all, change{r, at})
		}
	}
	slices.SortFunc(all, func(a, b change) int { return a.at.Compare(b.at) })
	if next = s.index.last; len(all) > maxChanges {
		all, more = all[:maxChanges], true
		next = all[maxChanges-1].at
	}
	for _, c := range all {
		e := s.index.at(c.ref)
		out = append(out, candidate{s.index.summary(c.ref, e), slices.Clone(s.index.chunks(c.ref, e))})
	}
	return out, next, more
}
