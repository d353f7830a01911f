// Package flow does the work that goes on when a function of WASI 0.3 has returned: it moves bytes and values between a stream or future of
// a component and the host.
//
// Such work runs on goroutines outside the component's store, which a [Group] owns: the store's. It begins when the
// other side reads, and ends with the stream, or with the store. A source is read only when the other side reads, and a stream has one buffer at most.
package flow
