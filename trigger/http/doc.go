// Package http turns HTTP requests into invocations: it listens for HTTP/1.1 and HTTP/2 without TLS (prior knowledge),
// finds the route, passes the request to an instance by wasi:http/handler or incoming-handler, and sends the guest's answer.
//
// Bodies stream both ways at the same time and are never held whole. How an invocation ends decides how the exchange
// ends: if a guest fails before it has answered, the status says so (500, 503, 504); if it fails later, or drops its body
// unfinished, the transfer breaks off. A short body never ends as if it were whole.
//
// The end of an invocation (at its deadline, when the host stops or the client goes away) ends the writes of its exchange: a client
// that takes nothing cannot keep an instance longer than that.
//
// A [Handler] does the same without listeners and routes: a component behind any server and mux.
//
// Each exchange has two goroutines: the server's own, which alone writes the answer and returns when it is complete, and
// one that is inside [host.Invoker] and may have work to do after the answer.
package http
