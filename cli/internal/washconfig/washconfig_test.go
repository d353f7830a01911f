package washconfig

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// TestHosts: what hosts of wash are as grants.
func TestHosts(t *testing.T) {
	for host, want := range map[string][]v1alpha1.HTTPGrant{
		"*":                          {"*"},
		"example.com":                {"http://example.com:*", "https://example.com:*"},
		"example.com:8443":           {"http://example.com:8443", "https://example.com:8443"},
		"*.example.com":              {"http://*.example.com:*", "https://*.example.com:*"},
		"https://api.example.com":    {"https://api.example.com:*"},
		"https://api.example.com/":   {"https://api.example.com:*"},
		"http://*.example.com:81":    {"http://*.example.com:81"},
		"[2001:db8::1]":              {"http://[2001:db8::1]:*", "https://[2001:db8::1]:*"},
		"*foo":                       nil,
		"https://api.example.com/v1": nil,
		"https://u:planted@a":        nil,
		"":                           nil,
	} {
		r, err := Import([]byte(fmt.Sprintf("workload: {allowedHosts: [%q]}", host)), "p")
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Workload.Spec.Components[0].Grants.HTTP; !slices.Equal(got, want) || (len(want) == 0) != strings.Contains(fmt.Sprint(r.Notes), "left out: want a host") {
			t.Errorf("%s: %v, %v", host, got, r.Notes)
		}
		if strings.Contains(fmt.Sprint(r.Notes), "planted") {
			t.Errorf("%s: %v", host, r.Notes)
		}
	}
	for text, want := range map[string]string{"workload: {config: {a: b}}": "[*]", "workload: {allowedHosts: []}": "[]", "build: {command: make}": "[]"} {
		r, err := Import([]byte(text), "p")
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.Workload.Spec.Components[0].Grants.HTTP); got != want {
			t.Errorf("%s: %s, wanted %s", text, got, want)
		}
	}
}

// TestStores: what wash's backends are as grants. A URL that may have a password is written nowhere.
func TestStores(t *testing.T) {
	for text, want := range map[string]string{
		"wasi_keyvalue_redis_url: redis://h:1":                            "map[default:{   redis redis://h:1}]",
		"wasi_keyvalue_nats_url: nats://h:1":                              "nats nats://h:1",
		"data_nats_url: nats://h:1":                                       "nats nats://h:1",
		"wasi_keyvalue_path: tmp/kv":                                      "map[default:{",
		"{wasi_keyvalue_path: a, wasi_keyvalue_redis_url: 'redis://h:1'}": "redis redis://h:1",
		"wasi_keyvalue_redis_url: redis://u:planted@h:1":                  "map[]",
		"{}": "map[]",
	} {
		r, err := Import([]byte("build: {component_path: a.wasm}\ndev:\n  "+text), "p")
		if err != nil {
			t.Fatal(err)
		}
		g := r.Workload.Spec.Components[0].Grants.Keyvalue["default"]
		got := fmt.Sprint(r.Workload.Spec.Components[0].Grants.Keyvalue)
		if g.Type != "" {
			got = fmt.Sprintf("map[default:{   %s %s}]", g.Type, g.Config)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, wanted %s", text, got, want)
		}
		if strings.Contains(fmt.Sprint(got, r.Notes), "planted") {
			t.Errorf("%s: %s %v", text, got, r.Notes)
		}
	}
}

// FuzzImport: no text makes Import panic, or what it has made unwritable.
func FuzzImport(f *testing.F) {
	f.Add([]byte("build: {component_path: a.wasm}\ndev: {host_interfaces: [{namespace: wasi, package: http, config: {host: a}}], components: [{name: b}], volumes: [{}]}"))
	f.Add([]byte("kind: Workload\nspec: {components: [{name: a, image: x}], service: {}, volumes: [1]}"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("a: &a {b: 1}\nc: [*a, *a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Import(data, "p")
		if err != nil {
			return
		}
		for _, n := range r.Notes {
			if n.Line < 1 || n.Column < 1 {
				t.Errorf("%+v", n)
			}
		}
		if _, err := app.Write(r.Workload); err != nil {
			t.Error(err)
		}
	})
}
