package cli

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptRegistry is a real registry, in the process of the test, for one script; faults are told by the script.
type scriptRegistry struct {
	*httptest.Server
	fault atomic.Pointer[fault]
	asked atomic.Int64 // requests for blobs
}

// fault answers GET requests whose path has part.
type fault struct {
	part, wait string
	status     int // 0: the answer ends in the middle
	times      atomic.Int64
}

func newScriptRegistry() *scriptRegistry {
	s := &scriptRegistry{}
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			s.asked.Add(1)
		}
		f := s.fault.Load()
		if f == nil || r.Method != http.MethodGet || !strings.Contains(r.URL.Path, f.part) || f.times.Add(-1) < 0 {
			real.ServeHTTP(w, r)
			return
		}
		switch f.status {
		case 0:
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte("\x00asm"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case http.StatusOK: // it is what it is not
			_, _ = w.Write([]byte("\x00asm"))
		default:
			if f.status == http.StatusTemporaryRedirect {
				w.Header().Set("Location", "http://blobs.example.com/x")
			}
			if f.wait != "" {
				w.Header().Set("Retry-After", f.wait)
			}
			w.WriteHeader(f.status)
		}
	}))
	return s
}

// registryKey is the registry's place in a script's values.
type registryKey struct{}

// TestRegistryScripts runs what push, pull, sign, verify and the image of a component do, each with a registry of its own.
func TestRegistryScripts(t *testing.T) {
	guests, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	prebuilt, err := filepath.Abs("../testdata/guests/prebuilt")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/registry", RequireExplicitExec: true, UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			s := newScriptRegistry()
			e.Defer(s.Close)
			e.Values[registryKey{}] = s
			e.Setenv("GUESTS", guests)
			e.Setenv("PREBUILT", prebuilt)
			e.Setenv("REGISTRY", strings.TrimPrefix(s.URL, "http://"))
			e.Setenv("VITRINE_CACHE_DIR", filepath.Join(e.WorkDir, ".cache"))
			e.Setenv("DOCKER_CONFIG", filepath.Join(e.WorkDir, ".docker"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// fault PART STATUS [TIMES [RETRY-AFTER]]; fault none; a registry that is gone: fault gone
			"fault": func(ts *testscript.TestScript, _ bool, args []string) {
				s := ts.Value(registryKey{}).(*scriptRegistry)
				switch args[0] {
				case "none":
					s.fault.Store(nil)
					return
				case "gone":
					s.Close()
					return
				}
				status, err := strconv.Atoi(args[1])
				ts.Check(err)
				f := &fault{part: args[0], status: status}
				f.times.Store(1 << 30)
				if len(args) > 2 {
					times, err := strconv.Atoi(args[2])
					ts.Check(err)
					f.times.Store(int64(times))
				}
				if len(args) > 3 {
					f.wait = args[3]
				}
				s.fault.Store(f)
			},
			// status N PROGRAM ARG…: the exit status, with what it has printed for stdout and stderr
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					exit, ok := err.(interface{ ExitCode() int })
					if !ok {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if got != want {
					ts.Fatalf("exit status %d; want %d", got, want)
				}
			},
			// unread: no blob was asked for since the last time
			"unread": func(ts *testscript.TestScript, _ bool, _ []string) {
				if n := ts.Value(registryKey{}).(*scriptRegistry).asked.Swap(0); n != 0 {
					ts.Fatalf("%d blobs were asked for", n)
				}
			},
			"forget": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Value(registryKey{}).(*scriptRegistry).asked.Store(0)
			},
		},
	})
}
