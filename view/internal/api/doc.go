// Package api serves what the viewer's store has over HTTP: to its page, to the commands `vitrine trace`, `vitrine logs` and `vitrine metrics`, and to anybody.
//
// The paths are described in openapi.json, which GET /api/v1 answers with. A query is words, which have to be in the name or the service, and
// qualifiers; [ParseTraces], [ParseLogs] and parseMetrics say which. Times are nanoseconds since 1970 as texts, as in OTLP's JSON. Errors
// are JSON with "error".
//
// With ?follow=true traces, logs and metrics are a stream that goes on with what comes, lines of JSON or server-sent events. Each record says
// its place, by which a client goes on after a connection has ended: no record comes twice, and none is left out.
//
// The handler checks who asks ([Config]): no page of another origin can read or write, also not by a name that resolves to this machine.
package api
