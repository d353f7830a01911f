package iop2

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Add defines wasi:io.
func Add(l *component.Linker) {
	AddError(l)
	AddPoll(l, poller{})
	AddStreams(l)
}

// ioError is a Go error as a wasi:io/error resource.
type ioError struct{ err error }

// NewError makes an error resource of err, which [Cause] returns: other interfaces look for their own errors in it.
func NewError(err error) Error { return ioError{err} }

// Cause is the Go error behind an error resource; nil if it was not made by [NewError].
func Cause(e Error) error {
	if e, ok := e.(ioError); ok {
		return e.err
	}
	return nil
}

func (e ioError) ToDebugString(context.Context) (string, error) {
	return strings.ToValidUTF8(e.err.Error(), "\uFFFD"), nil // it can quote foreign bytes
}

// streamError turns an error of a stream into the guest's. A wait that ended with the caller's context is an error of the
// call, not of the stream.
func streamError(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF, wasiio.ErrReaderGone:
		return cm.Fail(StreamErrorClosed())
	}
	var stop *wasiio.Interrupted
	var trap *cm.Trap
	var limit *cm.LimitError // which the guest gets as an error
	switch {
	case errors.As(err, &stop):
		return stop.Cause
	case errors.As(err, &trap) && !errors.As(err, &limit):
		return trap
	}
	return cm.FailFor(StreamErrorLastOperationFailed(NewError(err)), err)
}

// pollable is a version-neutral pollable as a resource.
type pollable struct {
	wasiio.Pollable
}

// NewPollable makes a pollable resource. Dropping it does not change p.
func NewPollable(p wasiio.Pollable) Pollable { return pollable{p} }

func (p pollable) Ready(context.Context) (bool, error) { return p.Pollable.Ready(), nil }

func (p pollable) Block(ctx context.Context) error { return wasiio.Wait(ctx, p.Pollable) }

type poller struct{}

// fewPollables is how many are polled without a charge to the account.
const fewPollables = 16

// pollBytes is the charge for a pollable while it is polled: its entries in lists, among them that of its watchers.
const pollBytes = 128

func (poller) Poll(ctx context.Context, in []Pollable) ([]uint32, error) {
	if len(in) > fewPollables {
		var held cm.Holding
		if err := held.Hold(ctx, len(in)*pollBytes); err != nil {
			return nil, err
		}
		defer held.Release()
	}
	ps := make([]wasiio.Pollable, len(in))
	for i, p := range in {
		q, err := cm.ObjectAs[pollable](PollableType, p)
		if err != nil {
			return nil, err
		}
		ps[i] = q.Pollable
	}
	return wasiio.Poll(ctx, ps)
}
