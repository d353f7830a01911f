// Package api serves what the viewer's store has over HTTP: to its page, to the commands `vitrine trace` and `vitrine logs`, and to anybody.
//
//	GET /api/v1/status             what the store has, what was dropped
//	GET /api/v1/traces             summaries of traces, their durations, groups and services; ?q= ?offset= ?limit=
//	GET /api/v1/traces/{id}        the trace as OTLP JSON (TracesData)
//	GET /api/v1/traces/{id}/logs   its log records as OTLP JSON (LogsData)
//	GET /api/v1/logs               log records, the newest first; ?q= ?limit= ?before= ?format=otlp
//	GET /api/v1/events             server-sent events: what has changed
//	POST /api/v1/import            OTLP JSON of any signal, one message or one a line
//
// With ?follow=true traces and logs are a stream of JSON lines that goes on with what comes. A query is words, which have to be
// in the name or the service, and qualifiers; [ParseTraces] and [ParseLogs] say which. Times are nanoseconds since 1970 as texts, as
// in OTLP's JSON. Errors are JSON with "error".
//
// The handler checks who asks ([Config]): no page of another origin can read or write, also not by a name that resolves to this machine.
package api
