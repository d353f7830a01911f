package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasinet"

	"example.com/controller/internal/bindings"
)

// What the program knows of a ConfigMap.
type (
	configMap struct {
		APIVersion string            `json:"apiVersion,omitempty"`
		Kind       string            `json:"kind,omitempty"`
		Metadata   metadata          `json:"metadata"`
		Data       map[string]string `json:"data,omitempty"`
	}
	metadata struct {
		Name            string            `json:"name,omitempty"`
		UID             string            `json:"uid,omitempty"`
		ResourceVersion string            `json:"resourceVersion,omitempty"`
		Labels          map[string]string `json:"labels,omitempty"`
		OwnerReferences []owner           `json:"ownerReferences,omitempty"`
	}
	owner struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		UID        string `json:"uid"`
		Controller *bool  `json:"controller,omitempty"`
	}
	event struct {
		Type   string    `json:"type"`
		Object configMap `json:"object"`
	}
)

const (
	manager  = "digests.vitrine.dev"
	watchFor = 5 * time.Minute
	page     = 500
)

// errGone says that the API server does not know a version any more.
var errGone = errors.New("the version is gone")

// api speaks with the API server. TLS is the program's own, over the host's sockets.
type api struct {
	base      *url.URL
	namespace string
	token     string
	transport *http.Transport
}

// newAPI takes the secrets token and ca. Its connections end with the context.
func newAPI(ctx context.Context, server, namespace string) (*api, error) {
	base, err := url.Parse(server)
	if err != nil || base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("API_SERVER is %q, and has to be like https://kubernetes.default.svc", server)
	}
	if namespace == "" {
		return nil, errors.New("NAMESPACE says whose ConfigMaps to watch")
	}
	token, err := secret(ctx, "token")
	if err != nil {
		return nil, err
	}
	ca, err := secret(ctx, "ca")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ca)) {
		return nil, errors.New("the secret ca has no certificate")
	}
	dial := func(dialing context.Context, network, address string) (net.Conn, error) {
		c, err := wasinet.DialContext(dialing, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { c.Close() }) // the program ends when nothing of it waits any more
		}
		return c, err
	}
	return &api{base: base, namespace: namespace, token: token, transport: &http.Transport{
		DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2: true, HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}, // finds a server that is gone without a word
	}}, nil
}

func secret(ctx context.Context, name string) (string, error) {
	s, err := bindings.StoreGet(ctx, name)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	defer s.Drop()
	v, err := bindings.RevealReveal(ctx, s)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	if v.Tag == bindings.SecretValueTagBytes {
		return string(v.Bytes), nil
	}
	return v.String, nil
}

// do sends a request. The answer is open if there is no error.
func (a *api) do(ctx context.Context, method, name string, query url.Values, content string, body []byte) (_ *http.Response, err error) {
	u := a.base.JoinPath("api/v1/namespaces", a.namespace, "configmaps", name)
	u.RawQuery = query.Encode()
	ctx, span := tracer.Start(ctx, method+" configmaps", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.HTTPRequestMethodKey.String(method), semconv.URLPath(u.Path), semconv.ServerAddress(u.Hostname())))
	defer func() {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End() // a watch is over later: its answer has begun
	}()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", manager)
	if content != "" {
		r.Header.Set("Content-Type", content)
	}
	resp, err := a.transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, u.Path, err)
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(resp.StatusCode))
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode == http.StatusGone {
		return nil, errGone
	}
	var said struct{ Message string }
	if json.Unmarshal(text, &said) != nil || said.Message == "" {
		said.Message = resp.Status
	}
	return nil, fmt.Errorf("%s %s: %s", method, u.Path, said.Message)
}

// list is all objects with the label, and the version from which to watch.
func (a *api) list(ctx context.Context) (all []*configMap, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	query := url.Values{"labelSelector": {wanted}, "limit": {fmt.Sprint(page)}}
	for {
		resp, err := a.do(ctx, "GET", "", query, "", nil)
		if err != nil {
			return nil, "", err
		}
		var got struct {
			Metadata struct{ ResourceVersion, Continue string }
			Items    []*configMap
		}
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if err != nil {
			return nil, "", fmt.Errorf("the list of ConfigMaps: %w", err)
		}
		all = append(all, got.Items...)
		if got.Metadata.Continue == "" {
			return all, got.Metadata.ResourceVersion, nil
		}
		query.Set("continue", got.Metadata.Continue)
	}
}

// watch calls see with each event behind a version, bookmarks too, until the watch ends. Its end by the API server's own clock is no error.
func (a *api) watch(ctx context.Context, version string, see func(*event)) error {
	ctx, cancel := context.WithTimeout(ctx, watchFor+30*time.Second)
	defer cancel()
	resp, err := a.do(ctx, "GET", "", url.Values{
		"watch": {"true"}, "labelSelector": {wanted}, "allowWatchBookmarks": {"true"}, "resourceVersion": {version}, "timeoutSeconds": {fmt.Sprint(int(watchFor.Seconds()))},
	}, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	events := json.NewDecoder(resp.Body)
	for {
		var e event
		var raw json.RawMessage
		if err := events.Decode(&raw); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("the watch: %w", err)
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("an event of the watch: %w", err)
		}
		if e.Type == "ERROR" {
			var said struct {
				Object struct {
					Code    int
					Message string
				}
			}
			_ = json.Unmarshal(raw, &said)
			if said.Object.Code == http.StatusGone {
				return errGone
			}
			return fmt.Errorf("the watch: %s", said.Object.Message)
		}
		see(&e)
	}
}

// apply has the API server make an object or change it, whatever it was before (server-side apply).
func (a *api) apply(ctx context.Context, o *configMap) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	resp, err := a.do(ctx, "PATCH", o.Metadata.Name, url.Values{"fieldManager": {manager}, "force": {"true"}}, "application/apply-patch+yaml", body)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}
