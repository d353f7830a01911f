package blobstore

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
)

// nameStream is a stream-object-names. It holds one page of names at a time.
type nameStream struct {
	container container
	left      []string // of the page
	next      string   // the next page's cursor
	end       bool     // this is the last page
	held      cm.Holding
}

// StoreSystem is that of the container.
func (s *nameStream) StoreSystem() string { return s.container.StoreSystem() }

// StoreCollection is the container's name.
func (s *nameStream) StoreCollection() string { return s.container.StoreCollection() }

const (
	nameBytes = 32     // counted for each name besides its bytes
	maxNames  = 10_000 // of one call
)

// fetch replaces the page by the next one.
func (s *nameStream) fetch(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	page, err := s.container.store.List(ctx, s.container.name, s.next)
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

// Drop releases the names' memory.
func (s *nameStream) Drop(context.Context) error {
	s.left, s.end = nil, true
	s.held.Release()
	return nil
}

// take calls each with the next names, until there were n or there are no more. After an error with some names taken it returns nil,
// and the next call returns the error.
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
	defer held.Release() // the guest owns the names when this returns
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
	return cm.Tuple2[[]string, bool]{F0: names, F1: s.ended()}, fail(ctx, err, s.container.name)
}

// SkipStreamObjectNames implements bindings.StreamObjectNames.
func (s *nameStream) SkipStreamObjectNames(ctx context.Context, n uint64) (cm.Tuple2[uint64, bool], error) {
	var skipped uint64
	err := s.take(ctx, n, func(more []string) error {
		skipped += uint64(len(more))
		return nil
	})
	return cm.Tuple2[uint64, bool]{F0: skipped, F1: s.ended()}, fail(ctx, err, s.container.name)
}
