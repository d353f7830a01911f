package wasinet

import (
	"context"
	"os"
	"sync"
	"time"
)

// deadline ends what waits in one direction of a connection: at a time that can be changed meanwhile, or when the connection is closed. The zero value has no end.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	done    chan struct{} // closed when why is set; nil: nobody has waited
	why     error
	final   bool   // the connection is closed
	changes uint64 // of the time
}

// context is one that ends with the deadline.
func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &bounded{Context: context.Background(), d: d, done: d.channel()}
}

// channel is done, made when it is first wanted. The caller has the lock.
func (d *deadline) channel() chan struct{} {
	if d.done == nil {
		d.done = make(chan struct{})
		if d.why != nil {
			close(d.done)
		}
	}
	return d.done
}

// err is why nothing waits any more; nil while the deadline is ahead.
func (d *deadline) err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.why
}

// set changes the time; none with the zero time. It says whether the connection is open.
func (d *deadline) set(t time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.final {
		return false
	}
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.changes++ // a timer that has fired meanwhile is of a time that does not count any more
	left := time.Until(t)
	if !t.IsZero() && left <= 0 {
		d.expire(os.ErrDeadlineExceeded)
		return true
	}
	if d.why != nil {
		d.why, d.done = nil, nil
	}
	if !t.IsZero() {
		mine := d.changes
		d.timer = time.AfterFunc(left, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.changes == mine {
				d.expire(os.ErrDeadlineExceeded)
			}
		})
	}
	return true
}

// end ends it for good.
func (d *deadline) end(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.changes++
	d.final = true
	d.expire(why)
	d.why = why
}

// expire has all that waits return. The caller has the lock.
func (d *deadline) expire(why error) {
	if d.why == nil {
		d.why = why
		if d.done != nil {
			close(d.done)
		}
	}
}

// bounded is the context of one read or write.
type bounded struct {
	context.Context
	d    *deadline
	done chan struct{}
}

// Done is closed when the deadline has come that counts since the read or write began.
func (b *bounded) Done() <-chan struct{} { return b.done }

// Err is why it is over.
func (b *bounded) Err() error {
	select {
	case <-b.done:
	default:
		return nil
	}
	if err := b.d.err(); err != nil {
		return err
	}
	return os.ErrDeadlineExceeded // the deadline was put off after it had come
}
