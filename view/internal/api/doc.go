// Package api serves what the viewer's store has over HTTP: to its page, to the commands `vitrine trace`, `vitrine logs` and `vitrine metrics`, and to anybody.
//
//	GET /api/v1/status             what the store has, what was dropped
//	GET /api/v1/traces             summaries of traces, their durations, groups and services; ?q= ?offset= ?limit=
//	                               groups of a query by time alone are of all requests, by their metric, also where traces are a sample
//	GET /api/v1/traces/{id}        the trace as OTLP JSON (TracesData)
//	GET /api/v1/traces/{id}/logs   its log records as OTLP JSON (LogsData)
//	GET /api/v1/logs               log records, the newest first; ?q= ?limit= ?before= ?format=otlp
//	GET /api/v1/metrics            the last data point of each series; ?q= ?limit=
//	GET /api/v1/metrics/{name}     one metric over time: counters as rates, histograms as heat maps and percentiles, with exemplars;
//	                               ?q= ?from= ?to= ?steps= ?by=LABEL,LABEL
//	GET /api/v1/instruments        what is measured, by meter; ?q=
//	GET /api/v1/components         the workloads that run, who calls whom in them, and the traffic of the last five minutes
//	GET /api/v1/marks              starts and reloads of what is watched, also of earlier runs
//	GET /api/v1/inflight           spans that have begun and have not ended, as OTLP JSON without end times; ?trace=
//	GET /api/v1/events             server-sent events: what has changed, and, as event "inflight", which spans are in flight
//	POST /api/v1/import            OTLP JSON of any signal, one message or one a line
//
// With ?follow=true traces, logs and metrics are a stream of JSON lines that goes on with what comes. A query is words, which have to be
// in the name or the service, and qualifiers; [ParseTraces], [ParseLogs] and parseMetrics say which. Times are nanoseconds since 1970 as texts, as
// in OTLP's JSON. Errors are JSON with "error".
//
// The handler checks who asks ([Config]): no page of another origin can read or write, also not by a name that resolves to this machine.
package api
