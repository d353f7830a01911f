// Package http is HTTP as WASI thinks of it, in ordinary Go and for no version of WASI in particular: fields, requests,
// responses, bodies that stream both ways with trailers, a client that reaches granted destinations only, and the error
// codes that all of them end in.
//
// What comes in is wrapped ([IncomingRequest], [IncomingResponse], [IncomingBody]), what goes out is collected
// ([OutgoingRequest], [OutgoingResponse], [OutgoingBody]) until a [Client] sends it or a [Responder] answers with it. No
// body is ever held whole: each direction keeps one bounded buffer, and a side that does not read holds back the other.
//
// The folders p2 and p3 below turn this into the interfaces of one version of WASI. Nothing here knows of components.
package http
