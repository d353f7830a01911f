// Package sockets gives guests TCP, UDP and name lookup, as far as [Grants] allow.
//
// Nothing is allowed that is not granted. A connection, or a datagram that is sent, needs a Connect grant for its
// destination; listening, or receiving from anybody, needs a Listen grant for the local address. A grant by name is good
// for the addresses that a lookup of that name has given to the same guest.
//
// Operations never block: what cannot be done now says so, and the socket is a [wasiio.Pollable] that tells when to try
// again. On Linux a goroutine exists only while somebody waits or while sent bytes are on their way. Elsewhere one may also
// read ahead: a buffer of a connection, a client of a listener, some datagrams of a socket; it ends with the socket.
package sockets
