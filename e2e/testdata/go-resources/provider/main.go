//go:build wasip1

// The component implements the resource of wit/tally.wit.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"

	"go-resources/provider/bindings"
)

func main() {}

func init() { bindings.ExportTallies(tallies{}) }

var living uint32

type tally struct {
	total uint32
	next  []chan uint32
}

func made(start uint32) *tally {
	living++
	return &tally{total: start}
}

func (t *tally) Add(n uint32) uint32 {
	t.total += n
	for _, next := range t.next {
		next <- n
	}
	t.next = nil
	return t.total
}

func (t *tally) Total() uint32                  { return t.total }
func (t *tally) Same(other bindings.Tally) bool { return other == bindings.Tally(t) }
func (t *tally) Drop()                          { living-- }

func (t *tally) Split(parts uint32) (all []bindings.Tally) {
	for range parts {
		all = append(all, made(t.total/parts))
	}
	return all
}

func (t *tally) Next(ctx context.Context) (uint32, error) {
	next := make(chan uint32)
	t.next = append(t.next, next)
	n := <-next
	return n, async.Sleep(ctx, 1) // which is a call of the host, in the name of the task that was woken
}

type tallies struct{}

func (tallies) NewTally(start uint32) bindings.Tally { return made(start) }

// TallyMerge has the value of a go on, and ends that of b.
func (tallies) TallyMerge(a, b bindings.Tally) bindings.Tally {
	a.Add(b.Total())
	living--
	return a
}

func (tallies) TallyMake(start uint32) (bindings.Tally, error) {
	if start > 100 {
		return nil, cabi.Fail(fmt.Sprintf("%d is too much", start))
	}
	return made(start), nil
}

func (tallies) Sum(all []bindings.Tally) (sum uint32) {
	for _, t := range all {
		sum += t.Total()
	}
	return sum
}

func (tallies) Largest(all []bindings.Tally) *bindings.Tally {
	var largest bindings.Tally
	for _, t := range all {
		if largest == nil || t.Total() > largest.Total() {
			largest = t
		}
		living--
	}
	if largest == nil {
		return nil
	}
	living++
	return &largest
}

func (tallies) Pair(ctx context.Context, of bindings.Tally) (p cabi.Tuple2[bindings.Tally, string], _ error) {
	if of == nil {
		return p, errors.New("no tally")
	}
	return cabi.Tuple2[bindings.Tally, string]{F0: of, F1: "paired"}, async.Sleep(ctx, 1)
}

func (tallies) Living() uint32 { return living }
