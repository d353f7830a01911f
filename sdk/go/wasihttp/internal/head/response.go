package head

import (
	"fmt"
	"io"
	"net/http"
)

// Response is a response to a request, by package net/http's rules for what its length is. Where it can have no body, that is http.NoBody, and open is not called.
func Response(r *http.Request, status int, header http.Header, open func(*http.Response) (io.ReadCloser, error)) (_ *http.Response, err error) {
	out := &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Trailer: http.Header{}, ContentLength: Length(header), Body: http.NoBody,
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		out.ContentLength = 0
	}
	if out.ContentLength != 0 && r.Method != http.MethodHead {
		out.Body, err = open(out)
	}
	return out, err
}
