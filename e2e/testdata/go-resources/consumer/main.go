//go:build wasip1

// The component is a program that uses the resource of wit/tally.wit.
package main

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasicli"

	"go-resources/consumer/bindings"
)

func main() {}

func init() { wasicli.Run(run) }

func run(ctx context.Context) error {
	t := bindings.NewTally(1)
	fmt.Println("constructed", t.Total(), "added", t.Add(2), "living", bindings.TalliesLiving())
	other := bindings.NewTally(10)
	fmt.Println("same", t.Same(t), t.Same(other))
	fmt.Println("sum", bindings.TalliesSum([]bindings.Tally{t, other, t}), bindings.TalliesSum(nil))
	merged := bindings.TallyMerge(t, other)
	fmt.Println("merged", merged.Total(), "living", bindings.TalliesLiving())
	parts := merged.Split(3)
	fmt.Println("parts", len(parts), parts[0].Total(), parts[2].Total(), "living", bindings.TalliesLiving())
	parts[1].Add(5)
	largest := bindings.TalliesLargest(parts)
	fmt.Println("largest", largest.Total(), bindings.TalliesLargest(nil) == nil, "living", bindings.TalliesLiving())
	if _, err := bindings.TallyMake(101); err != nil {
		fmt.Println("made", err)
	}
	small, err := bindings.TallyMake(7)
	if err != nil {
		return err
	}
	pair, err := bindings.TalliesPair(ctx, small)
	if err != nil {
		return err
	}
	fmt.Println("pair", pair.F0.Total(), pair.F1)
	// Two tasks wait in the provider, which a synchronous function wakes.
	next := make(chan string)
	for range 2 {
		go func() {
			n, err := pair.F0.Next(ctx)
			next <- fmt.Sprint(n, err)
		}()
	}
	begun := make(chan struct{})
	go func() { close(begun) }()
	<-begun
	if _, err := bindings.TalliesPair(ctx, bindings.NewTally(0)); err != nil { // both have begun by then
		return err
	}
	pair.F0.Add(4)
	fmt.Println("next", <-next, <-next)
	for _, t := range []bindings.Tally{merged, *largest, pair.F0} {
		t.Drop()
	}
	fmt.Println("living", bindings.TalliesLiving())
	return nil
}
