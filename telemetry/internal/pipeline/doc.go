// Package pipeline is the way out for spans, metrics and log records: it reads from the environment which signals are
// asked for, makes one exporter for each, and lets any number of providers share it.
//
// What goes in never blocks and never grows without bound: each signal has a queue, what does not fit is dropped and
// counted, and what an exporter fails to send is counted too. The first loss of a signal is said on the logger, later
// ones at most once a minute.
//
// The package builds no providers but those of spans, and makes no spans.
package pipeline
