// Package pipeline is the way out for spans, metrics and log records: it lets any number of providers share any number of
// consumers.
//
// What goes in never blocks and never grows without bound: each consumer has a queue for each signal, what does not fit is
// dropped and counted, and what a consumer fails to send is counted too. The first loss of a signal is said on the logger,
// later ones at most once a minute.
//
// The package builds no providers but those of spans, and makes no spans.
package pipeline
