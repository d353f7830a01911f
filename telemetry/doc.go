// Package telemetry turns what crosses a component's boundaries into OpenTelemetry traces, metrics and logs. It is the
// only package that knows OpenTelemetry: components, host functions, plugins and triggers hold no code for it.
//
// Where a [Telemetry] sends is given to it: any number of consumers and providers (package export), which package autoconf
// makes of the standard OTEL_* environment. It makes one [cm.Interceptor] for each component, with
// a resource of the component's own; all of them share the exporters. The interceptor is asked once per boundary, when
// a component is linked: whatever of a span or a measurement is known by then (names, attribute sets) is computed there,
// so that a crossing costs little, a crossing in a trace that nobody samples allocates nothing, and with telemetry off
// the boundary has no hooks at all. Measurements go to instruments whose attribute sets were bound then (package bound),
// and cost tens of nanoseconds; spans are recorded as the bytes that leave (package span).
//
// What is worth a span is data: see conventions.go for the table of interfaces, names.go for the keys of our own, and
// package redact for the one list of what is a secret.
//
// What a component tells of itself (package wasi/otel) comes to the same interceptor, which is a Sink: guest.go has what it takes,
// gueststack.go the spans that are open and are the parents of what a task does, guestrecord.go how a record becomes a span.
//
// A signal is on when somebody takes it. Nothing is recorded when nobody does.
package telemetry
