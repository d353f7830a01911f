// Package pipeline exports spans, metrics and log records: any number of providers share any number of consumers.
//
// Input never blocks, and queues are bounded: each consumer has one for each signal. Records that do not fit are dropped and
// counted, and so are those that a consumer fails to send. The first loss of a signal is logged, later ones at most once a minute.
//
// The package makes providers of spans only, and makes no spans.
package pipeline
