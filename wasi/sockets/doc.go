// Package sockets has TCP, UDP and name lookup for guests, within their [Grants].
//
// Everything needs a grant. A connection, or a datagram that is sent, needs a Connect grant for its destination; listening,
// or receiving from any sender, needs a Listen grant for the local address. A grant by name covers the addresses that a
// lookup of that name has returned to the same guest.
//
// Guests that are members of a [Loopback] reach each other in memory, at the loopback addresses, without a grant.
//
// Operations never block: one that would fails with would-block, and the socket is a [wasiio.Pollable] that is ready when to
// try again. On Linux a goroutine runs only while a guest waits or while bytes are being sent. Elsewhere one may also read
// ahead (a buffer of a connection, one client of a listener, some datagrams of a socket); it ends with the socket.
package sockets
