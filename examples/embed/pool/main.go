// Command pool has many callers share a few instances of a component, with limits and a deadline, each in the state of a new instance.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

//go:embed worker.wasm
var worker []byte

// workers counts with a component.
type workers struct {
	engine *component.Engine
	pool   *component.Pool
}

func newWorkers(ctx context.Context) (*workers, error) {
	engine, err := component.NewEngine(ctx)
	if err != nil {
		return nil, err
	}
	loaded, err := engine.Load(ctx, "worker", worker)
	if err != nil {
		return nil, err
	}
	linked, err := engine.NewLinker(nil).Link(ctx, loaded)
	if err != nil {
		return nil, err
	}
	pool, err := component.NewPool(linked, component.PoolConfig{
		Max:      4,                     // instances at once
		Queue:    100,                   // callers that wait for one; more are refused
		Ready:    1,                     // instances that Prewarm makes, and that are kept
		Idle:     5 * time.Second,       // how long others are kept
		Deadline: 50 * time.Millisecond, // of a call, its wait included
		Store:    []component.StoreOption{component.WithMemory(16 << 20), component.WithFuel(1_000_000_000)},
	})
	if err != nil {
		return nil, err
	}
	if err := pool.Prewarm(ctx); err != nil {
		return nil, err
	}
	return &workers{engine, pool}, nil
}

// count counts to n.
func (w *workers) count(ctx context.Context, n uint64) (got uint64, err error) {
	err = w.pool.Run(ctx, func(ctx context.Context, instance *component.Instance) error {
		v, err := instance.Call(ctx, "count", n)
		if err == nil {
			got = v.(uint64)
		}
		return err
	})
	return got, err
}

// close waits for running calls, for a second at most.
func (w *workers) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return errors.Join(w.pool.Close(ctx), w.engine.Close(ctx))
}

func main() {
	ctx := context.Background()
	w, err := newWorkers(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := w.count(ctx, 1000); err != nil {
				log.Print(err)
			}
		})
	}
	all.Wait()
	fmt.Println("20 callers have counted to 1000")

	_, err = w.count(ctx, 1<<60)
	if trap := (*cm.Trap)(nil); errors.As(err, &trap) {
		fmt.Printf("one wanted to count on: %s\n", trap.Code)
	}
	if err := w.close(); err != nil {
		log.Fatal(err)
	}
}
