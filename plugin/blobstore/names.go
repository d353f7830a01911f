package blobstore

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
)

// nameStream is a stream-object-names: it holds one page of names at a time.
type nameStream struct {
	of   container
	left []string // of the page
	next string   // where the next one begins
	end  bool     // this is the last one
	held cm.Holding
}

// What is counted beside the bytes of a name, and how many of them one call gives at most.
const (
	nameBytes = 32
	maxNames  = 10_000
)

// fetch makes the next page the one that is held.
func (s *nameStream) fetch(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	page, err := s.of.store.List(ctx, s.of.name, s.next)
	if err != nil {
		return err
	}
	n := len(page.Next)
	for _, name := range page.Names {
		n += len(name) + nameBytes
	}
	if err := s.held.Hold(ctx, n); err != nil {
		return err
	}
	s.left, s.next, s.end = page.Names, page.Next, page.Next == ""
	return nil
}

// Drop gives back what the names took.
func (s *nameStream) Drop(context.Context) error {
	s.left, s.end = nil, true
	s.held.Release()
	return nil
}

// take gives each the next names, some at a time, until it has had n of them or there are no more. An error comes with the names
// that came before it: those are given first, and the error the next time.
func (s *nameStream) take(ctx context.Context, n uint64, each func([]string) error) error {
	for taken := uint64(0); taken < n; {
		if len(s.left) == 0 {
			if s.end {
				return nil
			}
			if err := s.fetch(ctx); err != nil {
				if taken > 0 && ctx.Err() == nil {
					return nil
				}
				return err
			}
			continue
		}
		k := int(min(n-taken, uint64(len(s.left))))
		if err := each(s.left[:k]); err != nil {
			if taken > 0 {
				return nil
			}
			return err
		}
		s.left = s.left[k:]
		taken += uint64(k)
	}
	return nil
}

func (s *nameStream) ended() bool { return s.end && len(s.left) == 0 }

// ReadStreamObjectNames implements bindings.StreamObjectNames.
func (s *nameStream) ReadStreamObjectNames(ctx context.Context, n uint64) (cm.Tuple2[[]string, bool], error) {
	var names []string
	var held cm.Holding
	defer held.Release() // the names are the guest's as soon as this returns
	err := s.take(ctx, min(n, maxNames), func(more []string) error {
		bytes := held.Bytes()
		for _, name := range more {
			bytes += len(name) + nameBytes
		}
		if err := held.Hold(ctx, bytes); err != nil {
			return err
		}
		names = append(names, more...)
		return nil
	})
	return cm.Tuple2[[]string, bool]{F0: names, F1: s.ended()}, fail(ctx, err, s.of.name)
}

// SkipStreamObjectNames implements bindings.StreamObjectNames.
func (s *nameStream) SkipStreamObjectNames(ctx context.Context, n uint64) (cm.Tuple2[uint64, bool], error) {
	var skipped uint64
	err := s.take(ctx, n, func(more []string) error {
		skipped += uint64(len(more))
		return nil
	})
	return cm.Tuple2[uint64, bool]{F0: skipped, F1: s.ended()}, fail(ctx, err, s.of.name)
}
