// The program is a controller of Kubernetes that runs as a service of a workload: it watches ConfigMaps with the label digests.vitrine.dev/wanted, and keeps beside each another
// one with the digests of what is in it. See README.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasicli"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/serve"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasiotel"
)

var (
	sdk    = wasiotel.Setup()
	tracer = otel.Tracer("digests")

	reconciles, _ = otel.Meter("digests").Int64Counter("reconciles")
	relists, _    = otel.Meter("digests").Int64Counter("relists")
)

func init() {
	wasicli.Run(run)
	http.HandleFunc("GET /status", serveStatus)
	serve.Handle(http.DefaultServeMux)
}

// main is not called: the component is a library.
func main() {}

// status is what the program says of itself.
type status struct {
	mu sync.Mutex

	Synced     bool      `json:"synced"`  // all objects have been listed
	Objects    int       `json:"objects"` // that are known
	Reconciled int       `json:"reconciled"`
	Failed     int       `json:"failed"`
	Lists      int       `json:"lists"`
	Watches    int       `json:"watches"`
	LastEvent  time.Time `json:"lastEvent,omitzero"`
	LastError  string    `json:"lastError,omitempty"`
}

var state status

func (s *status) change(f func(*status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func serveStatus(w http.ResponseWriter, r *http.Request) {
	state.mu.Lock()
	text, err := json.Marshal(&state)
	state.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "%s\n", text)
}

// run is the service: it lists and watches on one goroutine, and reconciles on another. Its context ends with the workload.
func run(ctx context.Context) error {
	api, err := newAPI(ctx, os.Getenv("API_SERVER"), os.Getenv("NAMESPACE"))
	if err != nil {
		fmt.Println("the controller cannot begin:", err)
		return err
	}
	q := newQueue()
	c := newCache(q)
	fmt.Println("watching ConfigMaps of namespace", api.namespace)
	go c.keep(ctx, api)
	for {
		name, err := q.next(ctx)
		if err != nil {
			return nil // the workload ends
		}
		if err := reconcileOne(ctx, api, c, name); err != nil {
			q.retry(name)
		} else {
			q.done(name)
		}
	}
}

// reconcileOne is one trace. The requests that it causes are the host's spans, below its own.
func reconcileOne(ctx context.Context, api *api, c *cache, name string) error {
	ctx, done := sdk.Request(ctx)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ctx, span := tracer.Start(ctx, "reconcile", trace.WithNewRoot(), trace.WithAttributes(
		attribute.String("k8s.namespace.name", api.namespace), attribute.String("k8s.configmap.name", name)))
	defer span.End()
	result, err := reconcile(ctx, api, c, name)
	span.SetAttributes(attribute.String("reconcile.result", result))
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
		fmt.Println("reconciling", name, "failed, and is tried again:", err)
	} else if result != unchanged {
		fmt.Println("digests of", name, result)
	}
	reconciles.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
	state.change(func(s *status) {
		if err != nil {
			s.Failed, s.LastError = s.Failed+1, err.Error()
		} else {
			s.Reconciled++
		}
	})
	return err
}

// sleep waits, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error { return async.Sleep(ctx, d) }
