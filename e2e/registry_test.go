package e2e

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestRegistry: what a tag stands for, and who has signed it, are in the state of a workload and in the span that reads the component. SIGHUP
// takes what the tag stands for then.
func TestRegistry(t *testing.T) {
	real := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(real.Close)
	ref := strings.TrimPrefix(real.URL, "http://") + "/shop/hello:1"
	keys := filepath.Join(t.TempDir(), "me")
	vitrine := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("vitrine %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	push := func(guest string) string {
		t.Helper()
		var pushed struct{ Reference string }
		if err := json.Unmarshal([]byte(vitrine("push", "--json", testref.File(t, guest), ref)), &pushed); err != nil {
			t.Fatal(err)
		}
		vitrine("sign", "--key", keys+".key", ref)
		return pushed.Reference
	}
	vitrine("keygen", keys)
	exact := push("rust-http-full-p2")

	collector := otlptest.New(t)
	manifest := filepath.Join(t.TempDir(), "vitrine.yaml")
	if err := os.WriteFile(manifest, []byte(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: hello, source: {image: "`+ref+`"}, verify: {key: '`+keys+`.pub'}}
  triggers:
    - http: {path: /, component: hello}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "--admin", "0", manifest)
	o := operate(t, s)
	type image struct{ Component, Image, Exact, Signer string }
	images := func() []image {
		t.Helper()
		_, body := o.ask("GET", "/workloads", "")
		var state struct {
			Workloads []struct{ Images []image }
		}
		if err := json.Unmarshal([]byte(body), &state); err != nil || len(state.Workloads) != 1 {
			t.Fatal(body, err)
		}
		return state.Workloads[0].Images
	}
	signer := strings.TrimSpace(vitrine("verify", ref, "--key", keys+".pub"))
	signer = signer[strings.LastIndex(signer, " ")+1:]
	if got := images(); len(got) != 1 || got[0] != (image{"hello", ref, exact, signer}) {
		t.Errorf("the state has the images %+v", got)
	}

	alone := operate(t, up(t, nil, "--admin", "0", ref)) // the tag stays in what is known of it
	if _, body := alone.ask("GET", "/workloads", ""); !strings.Contains(body, `"`+ref+exact[strings.Index(exact, "@"):]+`"`) || !strings.Contains(body, `"`+exact+`"`) {
		t.Errorf("of a reference the state is %s", body)
	}

	if moved := push("rust-http-p2"); runtime.GOOS != "windows" {
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.waitForConsole("reloaded: new requests go to the components as they are now")
		if got := images(); len(got) != 1 || got[0].Exact != moved || moved == exact {
			t.Errorf("after SIGHUP the state has the images %+v; want %s", got, moved)
		}
	}
	s.stop()
	found := ""
	for _, span := range collector.Spans() {
		if span.Name == "artifact read hello" && found == "" {
			for _, a := range span.Attributes {
				if a.Key == "vitrine.image" || a.Key == "vitrine.image.signer" {
					found += a.Value.GetStringValue() + " "
				}
			}
		}
	}
	if found != exact+" "+signer+" " {
		t.Errorf("the span has %q; want %q", found, exact+" "+signer+" ")
	}
}

// TestRegistryOfWorkloads: what the tag of a workload stands for, and who has signed it, are in its state and in the span of its start, beside those of
// its components.
func TestRegistryOfWorkloads(t *testing.T) {
	real := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(real.Close)
	ref := strings.TrimPrefix(real.URL, "http://") + "/shop/all:1"
	keys := filepath.Join(t.TempDir(), "me")
	manifest := filepath.Join(t.TempDir(), "vitrine.yaml")
	if err := os.WriteFile(manifest, []byte(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components: [{name: shop, source: {file: shop.wasm}}]
  triggers: [{http: {path: /, component: shop}}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(manifest), "shop.wasm"), testref.Guest(t, "rust-http-p2"), 0o600); err != nil {
		t.Fatal(err)
	}
	var pushed struct{ Reference, Digest string }
	var signer struct{ Signer string }
	for _, step := range []struct {
		args []string
		into any
	}{{[]string{"keygen", keys}, nil}, {[]string{"push", "--json", manifest, ref}, &pushed}, {[]string{"sign", "--json", "--key", keys + ".key", ref}, &signer}} {
		out, err := exec.Command(binary, step.args...).Output()
		if err == nil && step.into != nil {
			err = json.Unmarshal(out, step.into)
		}
		if err != nil {
			t.Fatalf("%v: %v %s", step.args, err, out)
		}
	}
	collector := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "--admin", "0", "--verify-key", keys+".pub", ref)
	_, body := operate(t, s).ask("GET", "/workloads", "")
	type image struct{ Component, Image, Exact, Signer string }
	var state struct {
		Workloads []struct{ Images []image }
	}
	if err := json.Unmarshal([]byte(body), &state); err != nil || len(state.Workloads) != 1 {
		t.Fatal(body, err)
	}
	want := image{"", ref, pushed.Reference, signer.Signer}
	if !slices.Contains(state.Workloads[0].Images, want) || len(state.Workloads[0].Images) != 2 {
		t.Errorf("the state has %+v; want %+v and the component's", state.Workloads[0].Images, want)
	}
	s.stop()
	found := map[string]string{}
	for _, span := range collector.Spans() {
		if span.Name == "workload start" {
			for _, a := range span.Attributes {
				found[a.Key] = a.Value.GetStringValue()
			}
		}
	}
	if found["vitrine.image"] != pushed.Reference || found["vitrine.image.signer"] != signer.Signer {
		t.Errorf("the span has %v; want %s, %s", found, pushed.Reference, signer.Signer)
	}
}

// TestRefusedIsNotCompiled: of an artifact that is not signed, not with the policy's key, or not as it is now, no layer comes, and nothing is decoded or compiled; of one that is
// signed all of that happens. In a manifest and by a reference, with a registry that lists referrers and with CNCF Distribution, which does not.
func TestRefusedIsNotCompiled(t *testing.T) {
	real := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(real.Close)
	for kind, addr := range map[string]string{"go-containerregistry": strings.TrimPrefix(real.URL, "http://"), "distribution": servers.StartRegistry(t).Addr} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			vitrine := func(args ...string) {
				t.Helper()
				if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
					t.Fatalf("vitrine %v: %v\n%s", args, err, out)
				}
			}
			guest := testref.File(t, "rust-http-p2")
			for _, name := range []string{"me", "other"} {
				vitrine("keygen", filepath.Join(dir, name))
			}
			for name, key := range map[string]string{"good": "me", "missing": "", "other-key": "other", "moved": "me"} {
				ref := addr + "/shop/" + name + ":1"
				vitrine("push", guest, ref)
				if key != "" {
					vitrine("sign", "--key", filepath.Join(dir, key+".key"), ref)
				}
				if name == "moved" {
					vitrine("push", "--annotation", "org.opencontainers.image.version=2", guest, ref)
				}
				manifest := filepath.Join(dir, name+".yaml")
				text := `{"apiVersion": "vitrine.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "shop"}, "spec": {"components": [{"name": "hello", "source": {"image": "` + ref + `"}, "verify": {"key": "me.pub"}}]}}`
				if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				for how, args := range map[string][]string{"manifest": {manifest}, "reference": {"--verify-key", filepath.Join(dir, "me.pub"), ref}} {
					collector := otlptest.New(t)
					c := exec.Command(binary, append([]string{"run", "--cache-dir", filepath.Join(t.TempDir(), "cache")}, args...)...)
					c.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
					out, err := c.CombinedOutput() // the good one is no command, which is found out when it is linked
					refused := strings.Contains(string(out), "the artifact is refused: ")
					if err == nil || c.ProcessState.ExitCode() != 2 || refused != (name != "good") {
						t.Errorf("%s, by %s: %v\n%s", name, how, err, out)
					}
					compiled := false
					for _, span := range collector.Spans() {
						step, _, _ := strings.Cut(span.Name, " ")
						compiled = compiled || slices.Contains([]string{"decode", "validate", "compile"}, step)
					}
					if compiled != (name == "good") {
						t.Errorf("%s, by %s: it is compiled: %v", name, how, compiled)
					}
				}
			}
		})
	}
}
