// Package ingest brings OTLP into the viewer's store: from the process itself, by a consumer of telemetry that needs no socket
// ([Consumer]), and from other programs, by OTLP over HTTP and gRPC ([Receiver]).
//
// Messages are read in their encoded form, and spans, log records and metrics are stored as they came. What comes from other
// programs is checked and mended first: it may be no message, no UTF-8, as large as its sender likes, and have secrets in it.
package ingest
