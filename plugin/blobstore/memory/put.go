package memory

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// put is an object on its way into a store. It is read without the lock, and the room for it is taken as it grows: several at once
// hold no more than the store may.
type put struct {
	s        *store
	in, name string
	reserved int // bytes of the room
}

// reserve takes the room for an object of most bytes, or of at least so many if there is no room for that, beside the room of what
// it replaces. It gives how many they are.
func (p *put) reserve(least, most int) (size int, err error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.find(p.in)
	if err != nil {
		return 0, err
	}
	free := p.reserved + len(c.objects[p.name].data) // what the object may have without taking more
	size = max(least, min(most, free+max(p.s.room, 0)))
	if n := size - free; n > 0 {
		if err := p.s.take(n); err != nil {
			return 0, err
		}
		p.reserved += n
	}
	return size, nil
}

// giveBack gives back what was reserved and not used.
func (p *put) giveBack() {
	if p.reserved > 0 {
		p.s.mu.Lock()
		p.s.room += p.reserved
		p.s.mu.Unlock()
	}
}

// firstBytes is what room is made for at first where nothing is known of the size.
const firstBytes = 4 << 10

// read reads all of from.
func (p *put) read(ctx context.Context, from io.Reader) (data []byte, err error) {
	if l, ok := from.(interface{ Len() int }); ok {
		size, err := p.reserve(l.Len(), l.Len())
		if err != nil {
			return nil, err
		}
		data = make([]byte, 0, size)
	}
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(data) == cap(data) {
			var one [1]byte // it may be the end, and no room wanted
			n, err := from.Read(one[:])
			if n > 0 {
				size, err := p.reserve(len(data)+1, max(firstBytes, 2*len(data)))
				if err != nil {
					return nil, err
				}
				grown := make([]byte, len(data), size)
				copy(grown, data)
				data = append(grown, one[0])
			}
			if done, err := ended(err); done {
				return data, err
			}
			continue
		}
		n, err := from.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if done, err := ended(err); done {
			return data, err
		}
	}
}

// ended says whether an error of a reader is the end of it, and whether it is a good one.
func ended(err error) (bool, error) {
	if err == io.EOF {
		return true, nil
	}
	return err != nil, err
}

// commit puts data in its place.
func (p *put) commit(data []byte) (blobstore.Info, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.find(p.in)
	if err != nil {
		return blobstore.Info{}, err
	}
	old, had := c.objects[p.name]
	need := len(data) - len(old.data)
	if !had {
		need += len(p.name) + EntryBytes
	}
	p.s.room += p.reserved
	p.reserved = 0
	if err := p.s.take(need); err != nil {
		return blobstore.Info{}, err
	}
	if cap(data)-len(data) > len(data)/4 { // the room is counted for what is there
		data = bytes.Clone(data)
	}
	o := object{data: slices.Clip(data), created: time.Now(), number: old.number}
	if !had {
		o.number = c.names.Add(p.name)
	}
	c.objects[p.name] = o
	return o.info(), nil
}
