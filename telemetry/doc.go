// Package telemetry turns the calls at a component's boundaries into OpenTelemetry traces, metrics and logs. Components, host
// functions, plugins and triggers hold no code for OpenTelemetry: only this tree imports it.
//
// A [Telemetry] sends to any number of consumers and providers (package export), which package autoconf makes from the standard
// OTEL_* environment. It makes one [cm.Interceptor] for each component, with a resource of the component's own; all of them share
// the exporters. The interceptor binds each boundary once, when a component is linked: names and attribute sets that are known
// then are computed there, so that a crossing costs little, a crossing in a trace that is not sampled allocates nothing, and with
// telemetry off the boundary has no hooks. Measurements go to instruments whose attribute sets were bound at that time (package
// bound), and cost tens of nanoseconds; spans are recorded in their encoded form (package span).
//
// Which calls become spans is data: conventions.go has the table of interfaces, names.go the keys of our own, and package redact
// the one list of secrets' names.
//
// Spans, logs and metrics that a component records itself (package wasi/otel) go to the same interceptor, which is a Sink: guest.go
// receives them, gueststack.go keeps a task's open spans, which are parents of its calls, guesttraces.go says whose a trace is,
// guestrecord.go converts records, and guestmetrics.go metrics, which package aggregate adds up over instances.
//
// A signal is on if a consumer or a provider takes it. Nothing is recorded for a signal that is off.
package telemetry
