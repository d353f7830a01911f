package attribution

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestEvidence: of an answer with another status than 200 a fault shows head, body, connection, and the request before it there.
func TestEvidence(t *testing.T) {
	var n atomic.Int32
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 2 {
			w.Header().Set("X-Why", "malformed")
			http.Error(w, "what is this?", http.StatusBadRequest)
		}
	}))
	defer up.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: dial}}
	defer client.CloseIdleConnections()
	first, second := request{n: 1, method: "POST", path: "/first", body: "xx"}, request{n: 2, method: "GET", path: "/second"}
	first.send(client, up.URL, traceID(1, 1))
	second.send(client, up.URL, traceID(1, 2))
	if first.seen != "" || first.err != nil {
		t.Errorf("the first: %q, %v", first.seen, first.err)
	}
	for _, want := range []string{"400 Bad Request", "X-Why: malformed", "what is this?", "request 2 of connection 127.0.0.1:", " old", "request 1, POST /first with a body of 2 bytes: status 200"} {
		if !strings.Contains(second.seen, want) {
			t.Errorf("%q is without %q", second.seen, want)
		}
	}
}
