// Package http turns HTTP requests into invocations: it listens for HTTP/1.1 and HTTP/2 without TLS (prior knowledge),
// finds the route, hands the request to an instance by wasi:http/handler or incoming-handler, and sends what the guest answers.
//
// Bodies stream both ways at the same time and are never held whole. How an invocation ends decides how the exchange
// ends: a guest that fails before it has answered gives an honest status (500, 503, 504), one that fails later, or drops
// its body unfinished, gives a transfer that breaks off. A short body never ends as if it were whole.
//
// The end of an invocation (its deadline, the host's end, the client's going away) ends the writes of its exchange: a client
// that takes nothing holds no instance longer than that.
//
// A [Handler] does the same without listeners and routes: a component behind any server and mux.
//
// Each exchange has two goroutines: the server's own, which alone writes the answer and returns when it is complete, and
// one that is inside [host.Invoker] and may have work to do after the answer.
package http
