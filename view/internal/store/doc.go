// Package store keeps telemetry in files, for the viewer.
//
// What comes in is a [Batch] of spans, log records and points of metrics in their encoded form, OTLP's protobuf, each with the few facts
// that lists and filters need. The encoded form is kept as it is and given back as it is: the store does not decode it.
//
// Data is in segments, SQLite files that are only ever appended to. A segment has a row for each trace of a batch, with the batch's spans of
// that trace, so that a batch costs as many rows as it has traces; and a row for each log record and each point. Summaries of traces
// and the places of their rows are in memory, and are read from the segments when a store is opened. Retention, by bytes, age and
// number of traces, removes whole segments, which takes no time and leaves no holes.
//
// One process writes a folder at a time. Appending is one transaction of one writer; reading goes by other connections, and waits for
// no writer.
package store
