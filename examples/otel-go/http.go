package main

import (
	"errors"
	"net/url"
	"slices"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"

	"example.com/otel-go/internal/bindings"
)

// get is the status of a GET. The host adds traceparent, which names its own span of the request.
func get(target string) (status uint16, err error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return 0, errors.New("url is no http URL")
	}
	scheme, path := bindings.SchemeHTTP(), u.RequestURI()
	if u.Scheme == "https" {
		scheme = bindings.SchemeHTTPS()
	}
	request := bindings.NewOutgoingRequest(bindings.NewFields())
	if err := errors.Join(request.SetScheme(&scheme), request.SetAuthority(&u.Host), request.SetPathWithQuery(&path)); err != nil {
		request.Drop()
		return 0, err
	}
	future, err := bindings.OutgoingHandlerHandle(request, nil)
	if err != nil {
		return 0, err
	}
	defer future.Drop()
	ready := future.Subscribe()
	ready.Block()
	ready.Drop()
	answer := future.Get()
	if answer == nil || answer.Failed {
		return 0, errors.New("there is no answer")
	}
	response, err := answer.OK.Unpack()
	if err != nil {
		return 0, err
	}
	defer response.Drop()
	return response.Status(), nil
}

// respond answers with a text.
func respond(out bindings.ResponseOutparam, status uint16, text string) {
	headers := bindings.NewFields()
	_ = headers.Append("content-type", []byte("text/plain"))
	response := bindings.NewOutgoingResponse(headers)
	_ = response.SetStatusCode(status)
	body, err := response.Body()
	bindings.ResponseOutparamSet(out, cabi.Result[bindings.OutgoingResponse, bindings.ErrorCode]{OK: response})
	if err != nil {
		return
	}
	if stream, err := body.Write(); err == nil {
		for part := range slices.Chunk([]byte(text+"\n"), 4096) { // more is not allowed at once
			if stream.BlockingWriteAndFlush(part) != nil {
				break
			}
		}
		stream.Drop()
	}
	_ = bindings.OutgoingBodyFinish(body, nil)
}
