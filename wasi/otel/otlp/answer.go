package otlp

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// accept answers with an Export…ServiceResponse. Its message is empty unless records were rejected (OTLP §Partial Success).
func (s *signal) accept(w http.ResponseWriter, enc encoding, o outcome) {
	var why string
	if o.why != nil {
		why = messageOf(o.why)
	}
	var body []byte
	switch {
	case enc == jsonText && o.why == nil:
		body = []byte("{}")
	case enc == jsonText:
		body, _ = json.Marshal(map[string]any{"partialSuccess": map[string]string{s.rejected: strconv.Itoa(o.rejected), "errorMessage": why}})
	case o.why != nil:
		var partial []byte
		if o.rejected > 0 {
			partial = protowire.AppendVarint(protowire.AppendTag(partial, 1, protowire.VarintType), uint64(o.rejected))
		}
		partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), why)
		body = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
	}
	answer(w, enc, http.StatusOK, body)
}

// codes are those of google.rpc.Code for the statuses of refusals.
var codes = map[int]uint64{
	http.StatusBadRequest: 3, http.StatusRequestEntityTooLarge: 3, http.StatusUnsupportedMediaType: 3, http.StatusTooManyRequests: 8,
}

// retryAfter is how many seconds a guest waits after a 429: its limits are for a second.
const retryAfter = "1"

// refuse answers with a google.rpc.Status (OTLP §Failures).
func refuse(w http.ResponseWriter, enc encoding, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{http.StatusBadRequest, err}
	}
	if why.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
	}
	code, text := codes[why.status], messageOf(why.err)
	var body []byte
	if enc == jsonText {
		body, _ = json.Marshal(map[string]any{"code": code, "message": text})
	} else {
		body = protowire.AppendVarint(protowire.AppendTag(body, 1, protowire.VarintType), code)
		body = protowire.AppendString(protowire.AppendTag(body, 2, protowire.BytesType), text)
	}
	answer(w, enc, why.status, body)
}

func answer(w http.ResponseWriter, enc encoding, status int, body []byte) {
	w.Header().Set("Content-Type", string(enc))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// maxMessage bounds the text of an answer.
const maxMessage = 1000

// messageOf is an error's text, fit for protobuf.
func messageOf(err error) string {
	text := err.Error()
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
