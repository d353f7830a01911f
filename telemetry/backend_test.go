package telemetry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/workload"
)

// broken is a backend whose errors hold secrets.
type broken struct{}

var errBroken = errors.New("dial tcp 10.0.0.7:6379: the disk is gone, password=hunter2")

func (broken) Drop(keyvalue.Owner) {}

func (broken) Open(context.Context, keyvalue.Owner, string) (keyvalue.Bucket, error) {
	return nil, errBroken
}

// brokenBlobs fails the first calls of a guest.
type brokenBlobs struct{ blobstore.Store }

func (brokenBlobs) CreateContainer(context.Context, string) error { return errBroken }

func (brokenBlobs) Container(context.Context, string) (blobstore.ContainerInfo, error) {
	return blobstore.ContainerInfo{}, errBroken
}

type brokenBackend struct{}

func (brokenBackend) Drop(blobstore.Owner) {}

func (brokenBackend) Store(blobstore.Owner) blobstore.Store { return brokenBlobs{} }

// TestFailingBackends: a guest gets a fixed text for its backend's failure; the backend's text, without secrets, is on the call's span
// and in one log record for each request, at every level of detail.
func TestFailingBackends(t *testing.T) {
	for _, detail := range []telemetry.Detail{telemetry.DetailInvocation, telemetry.DetailBoundary} {
		w := newEngineHarnessWith(t, detail, []host.Plugin{
			config.Plugin{}, logging.Plugin{}, keyvalue.New(memory.New(0)).Add("broken", broken{}), blobstore.New(brokenBackend{}),
		})
		c := guestComponent("kv", "rust-kv-p2")
		c.Grants.Keyvalue = map[string]workload.StoreGrant{"default": {}, "broken": {Backend: "broken"}}
		w.serve(httpWorkload(c), func(base string) {
			for path, want := range map[string]string{
				"/kv/get?key=k&store=broken": "the backend failed",
				"/kv/get?key=k":              "none",
				"/kv/get?key=k&store=other":  "NoSuchStore",
				"/blob/list?container=c":     "the backend failed",
			} {
				resp, err := http.Get(base + path)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if got := string(body); err != nil || !strings.Contains(got, want) || strings.Contains(got, "disk") || strings.Contains(got, "10.0.0.7") {
					t.Errorf("%s: the guest got %s", path, got)
				}
			}
		})
		if err := w.tel.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		causes := 0
		for _, s := range w.spans.GetSpans() {
			cause := attr(s, "vitrine.result.cause")
			if cause == "" {
				continue
			}
			causes++
			if !strings.Contains(cause, "the disk is gone") || strings.Contains(cause, "hunter2") || attr(s, "error.type") != "backend" || attr(s, "vitrine.blame") != "host" ||
				!strings.Contains(s.Status.Description, "the disk is gone") || attr(s, "vitrine.result") != "error" {
				t.Errorf("%s: %v %+v", s.Name, s.Attributes, s.Status)
			}
		}
		if want := map[telemetry.Detail]int{telemetry.DetailBoundary: 2}[detail]; causes != want {
			t.Errorf("detail %v: %d spans tell of a backend, wanted %d", detail, causes, want)
		}
		lines := w.logs.Format(w.spans.GetSpans())
		if n := strings.Count(lines, "the disk is gone"); n != 2 || strings.Contains(lines, "hunter2") {
			t.Errorf("detail %v: %d records tell of a backend:\n%s", detail, n, lines)
		}
	}
}
