// Package wasihttp sends requests from inside a component, by wasi:http 0.2: [Transport] is the http.RoundTripper of an http.Client.
// Package serve, below it, has an http.Handler answer the requests that a component gets.
//
//	client := &http.Client{Transport: wasihttp.Transport{}}
//	response, err := client.Get("https://example.com/")
//
// The host decides which hosts may be reached. A goroutine that waits for the host leaves others running; only when all of them wait, the component does.
//
// Outside of a component (any GOOS but wasip1) requests fail with [ErrNoHost].
package wasihttp
