// Package flow is the work that goes on when a function of WASI 0.3 has returned: bytes and values that go between a stream or
// future of a component and the host.
//
// Such work runs on goroutines outside the component's store, which a [Group] owns: the store's. It ends with the stream, or with
// the store. Nothing is read ahead of whoever wants it, and no more is held than one buffer a stream.
package flow
