// Package wasinet connects to servers from inside a component, by wasi:sockets 0.3: [DialContext] makes a net.Conn, which crypto/tls, net/http and drivers of databases take.
//
//	client := &http.Client{Transport: &http.Transport{DialContext: wasinet.DialContext, TLSClientConfig: config}}
//
// The host decides which addresses may be reached, and sees each connection. TLS runs inside the component, so its certificates are the component's own to bring (in
// tls.Config.RootCAs): for requests of which the host is to do TLS and to see each, there is package wasihttp/p3.
//
// A goroutine that waits for a connection leaves others running; see package async. A connection belongs to the task that has made it: what a pool of connections keeps
// beyond the end of a request keeps that request's task. So keep connections from one request to the next in a service, or in what wasicli.Run runs, and not in a
// handler of requests (http.Transport.DisableKeepAlives).
//
// Outside of a component (any GOOS but wasip1) nothing can be reached, and the error is [ErrNoHost].
package wasinet
