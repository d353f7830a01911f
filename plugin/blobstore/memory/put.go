package memory

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// pendingPut is a running Put. It reads without the lock, and reserves space as the object grows, so that several at once do not
// exceed the store's bound.
type pendingPut struct {
	s        *store
	in, name string
	reserved int // bytes of the store's bound
}

// reserve reserves space for an object of most bytes, or as much as there is but at least least, and counts the space of the object
// that it replaces. It returns the size.
func (p *pendingPut) reserve(least, most int) (size int, err error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.find(p.in)
	if err != nil {
		return 0, err
	}
	free := p.reserved + len(c.objects[p.name].data) // space that the object has without taking more
	size = max(least, min(most, free+max(p.s.room, 0)))
	if n := size - free; n > 0 {
		if err := p.s.takeRoom(n); err != nil {
			return 0, err
		}
		p.reserved += n
	}
	return size, nil
}

// release frees space that was reserved and not used.
func (p *pendingPut) release() {
	if p.reserved > 0 {
		p.s.mu.Lock()
		p.s.room += p.reserved
		p.s.mu.Unlock()
	}
}

// initialBytes is the first buffer's size if the object's is unknown.
const initialBytes = 4 << 10

// read reads all of from.
func (p *pendingPut) read(ctx context.Context, from io.Reader) (data []byte, err error) {
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
			var one [1]byte // at the end, no more space is needed
			n, err := from.Read(one[:])
			if n > 0 {
				size, err := p.reserve(len(data)+1, max(initialBytes, 2*len(data)))
				if err != nil {
					return nil, err
				}
				grown := make([]byte, len(data), size)
				copy(grown, data)
				data = append(grown, one[0])
			}
			if done, err := atEnd(err); done {
				return data, err
			}
			continue
		}
		n, err := from.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if done, err := atEnd(err); done {
			return data, err
		}
	}
}

// atEnd says whether a reader's error ends the reading, and returns the error unless it is io.EOF.
func atEnd(err error) (bool, error) {
	if err == io.EOF {
		return true, nil
	}
	return err != nil, err
}

// commit stores data as the object.
func (p *pendingPut) commit(data []byte) (blobstore.Info, error) {
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
	if err := p.s.takeRoom(need); err != nil {
		return blobstore.Info{}, err
	}
	if cap(data)-len(data) > len(data)/4 { // the bound counts the length only
		data = bytes.Clone(data)
	}
	o := object{data: slices.Clip(data), created: time.Now(), number: old.number}
	if !had {
		o.number = c.names.Add(p.name)
	}
	c.objects[p.name] = o
	return o.info(), nil
}
