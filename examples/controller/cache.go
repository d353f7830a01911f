package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// cache has the objects as the API server has told of them last, and adds to the queue what has changed.
type cache struct {
	q  *queue
	mu sync.Mutex
	by map[string]*configMap
}

func newCache(q *queue) *cache { return &cache{q: q, by: map[string]*configMap{}} }

func (c *cache) get(name string) *configMap {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[name]
}

// replace has the cache be what a list says.
func (c *cache) replace(all []*configMap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.by
	c.by = map[string]*configMap{}
	for _, o := range all {
		c.by[o.Metadata.Name] = o
		delete(before, o.Metadata.Name)
		c.q.add(nameOf(o))
	}
	for _, o := range before {
		c.q.add(nameOf(o))
	}
}

// change is one event.
func (c *cache) change(e *event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Type == "DELETED" {
		delete(c.by, e.Object.Metadata.Name)
	} else {
		c.by[e.Object.Metadata.Name] = &e.Object
	}
	c.q.add(nameOf(&e.Object))
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.by)
}

// keep lists and watches until the context ends. A watch that breaks goes on from the version that was seen last; only where the API server does not know that
// any more is all listed again.
func (c *cache) keep(ctx context.Context, api *api) {
	version, failures := "", 0
	for ctx.Err() == nil {
		err := c.follow(ctx, api, &version)
		if errors.Is(err, errGone) {
			version = ""
			continue
		}
		if err == nil { // the API server ends each watch after a while
			failures = 0
		} else if ctx.Err() == nil {
			fmt.Println("the watch has ended, and goes on:", err)
			state.change(func(s *status) { s.LastError = err.Error() })
		}
		if sleep(ctx, backoff(failures, 200*time.Millisecond, 10*time.Second)) != nil {
			return
		}
		if err != nil {
			failures++
		}
	}
}

// follow lists if it has no version, and watches once.
func (c *cache) follow(ctx context.Context, api *api, version *string) error {
	if *version == "" {
		all, v, err := api.list(ctx)
		if err != nil {
			return err
		}
		c.replace(all)
		*version = v
		relists.Add(ctx, 1)
		state.change(func(s *status) { s.Lists, s.Synced, s.Objects = s.Lists+1, true, len(all) })
	}
	state.change(func(s *status) { s.Watches++ })
	return api.watch(ctx, *version, func(e *event) {
		*version = e.Object.Metadata.ResourceVersion
		if e.Type != "BOOKMARK" {
			c.change(e)
		}
		state.change(func(s *status) { s.Objects, s.LastEvent = c.len(), time.Now() })
	})
}
