package cli

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vitrine-wasm/vitrine/tests/servers"
)

// scriptRegistry is a real registry, in the process of the test, for one script; faults are told by the script.
type scriptRegistry struct {
	*httptest.Server
	fault atomic.Pointer[fault]
	asked atomic.Int64 // requests for blobs
	all   atomic.Int64 // requests
	login atomic.Pointer[[2]string]
}

// fault answers GET requests whose path has part.
type fault struct {
	part, wait string
	status     int  // 0: the answer ends in the middle
	silent     bool // there is no answer
	times      atomic.Int64
}

func newScriptRegistry(real http.Handler) *scriptRegistry {
	s := &scriptRegistry{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.all.Add(1)
		if login := s.login.Load(); login != nil {
			if user, password, _ := r.BasicAuth(); user != login[0] || password != login[1] {
				w.Header().Set("WWW-Authenticate", `Basic realm="tests"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		if strings.Contains(r.URL.Path, "/blobs/") {
			s.asked.Add(1)
		}
		f := s.fault.Load()
		if f == nil || r.Method != http.MethodGet || !strings.Contains(r.URL.Path, f.part) || f.times.Add(-1) < 0 {
			real.ServeHTTP(w, r)
			return
		}
		if f.silent {
			<-r.Context().Done()
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

// inProcess is go-containerregistry's registry.
func inProcess() http.Handler {
	return registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
}

// TestRegistryScripts runs what push, pull, sign, verify and the image of a component do, each with a registry of its own.
func TestRegistryScripts(t *testing.T) { runRegistryScripts(t, inProcess) }

// TestDistributionScripts runs the same against CNCF Distribution.
func TestDistributionScripts(t *testing.T) {
	to := &url.URL{Scheme: "http", Host: servers.StartRegistry(t).Addr}
	var last atomic.Int64
	runRegistryScripts(t, func() http.Handler {
		space := fmt.Sprintf("/v2/s%d/", last.Add(1)) // for each script
		return &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			if rest, ok := strings.CutPrefix(r.In.URL.Path, "/v2/shop/"); ok {
				r.Out.URL.Path = space + rest
			}
		}, ModifyResponse: func(r *http.Response) error {
			if at := r.Header.Get("Location"); at != "" {
				r.Header.Set("Location", strings.Replace(at, space, "/v2/shop/", 1))
			}
			return nil
		}}
	})
}

func runRegistryScripts(t *testing.T, real func() http.Handler) {
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
			s := newScriptRegistry(real())
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
			// fault PART STATUS|silent [TIMES [RETRY-AFTER]]; fault none; a registry that is gone: fault gone
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
				f := &fault{part: args[0], silent: args[1] == "silent"}
				if !f.silent {
					status, err := strconv.Atoi(args[1])
					ts.Check(err)
					f.status = status
				}
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
			// requests [N]: since the last time there were so many
			"requests": func(ts *testscript.TestScript, _ bool, args []string) {
				n := ts.Value(registryKey{}).(*scriptRegistry).all.Swap(0)
				if len(args) > 0 && args[0] != strconv.FormatInt(n, 10) {
					ts.Fatalf("there were %d requests", n)
				}
			},
			// users NAME PASSWORD: the registry asks for them from now on
			"users": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Value(registryKey{}).(*scriptRegistry).login.Store(&[2]string{args[0], args[1]})
			},
			"forget": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Value(registryKey{}).(*scriptRegistry).asked.Store(0)
			},
		},
	})
}
