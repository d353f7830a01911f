package e2e

import (
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestTrustedProxies: a proxy that a flag names is believed who its client is, on spans and by the component; another is not.
func TestTrustedProxies(t *testing.T) {
	for network, want := range map[string]string{
		"127.0.0.0/8":  "client.address=1.2.3.4 network.peer.address=127.0.0.1 server.address=shop.example url.scheme=https",
		"192.0.2.0/24": "client.address=127.0.0.1 network.peer.address=127.0.0.1 server.address=127.0.0.1 url.scheme=http",
	} {
		t.Run(network, func(t *testing.T) {
			c := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
				"--trusted-proxies", network, testref.File(t, "rust-http-p3"))
			_, text, err := s.get("/headers", "", "X-Forwarded-For", "6.6.6.6, 1.2.3.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "shop.example")
			trusted := strings.Contains(want, "1.2.3.4")
			if err != nil || strings.Contains(text, "scheme: Some(Scheme::Https)") != trusted || strings.Contains(text, `authority: Some("shop.example")`) != trusted ||
				strings.Contains(text, "x-forwarded-for") != trusted {
				t.Errorf("%s, %v", text, err)
			}
			s.stop()
			var got []string
			for _, span := range c.Spans() {
				if span.Kind.String() != "SPAN_KIND_SERVER" {
					continue
				}
				of := map[string]string{}
				for _, a := range span.Attributes {
					of[a.Key] = a.Value.GetStringValue()
				}
				for _, key := range []string{"client.address", "network.peer.address", "server.address", "url.scheme"} {
					got = append(got, key+"="+of[key])
				}
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("%s, want %s", text, want)
			}
		})
	}
}
