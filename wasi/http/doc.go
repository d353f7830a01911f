// Package http has the types of wasi:http as plain Go, independent of WASI's version: fields, requests, responses, bodies
// that stream both ways with trailers, a client that sends to granted destinations only, and error codes.
//
// Incoming messages wrap those of net/http ([IncomingRequest], [IncomingResponse], [IncomingBody]). Outgoing ones
// ([OutgoingRequest], [OutgoingResponse], [OutgoingBody]) are built until a [Client] or a [Responder] sends them. Bodies are
// streamed through one bounded buffer in each direction, with back-pressure.
//
// The packages below, such as p2, adapt this to the interfaces of one version of WASI. Nothing here depends on components.
package http
