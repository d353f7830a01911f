package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// paged has the registry give its list of referrers in pages of one, after so many others that are no signatures; at is where a page says that the next one is.
func (f *faulty) paged(t *testing.T, exact Reference, junk int, at func(next string) string) {
	t.Helper()
	own, _, err := newStore(t, "").bundles(t.Context(), exact)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]descriptor, 0, junk+len(own))
	for i := range junk {
		all = append(all, descriptor{MediaType: typeManifest, Digest: digestOf([]byte{byte(i), byte(i >> 8)}), Size: 2, ArtifactType: "application/spdx+json"})
	}
	all = append(all, own...)
	f.fail("/referrers/", func(w http.ResponseWriter, r *http.Request) {
		var from int
		_, _ = fmt.Sscan(r.URL.Query().Get("from"), &from)
		w.Header().Set("Content-Type", typeIndex+"; charset=utf-8")
		if from+1 < len(all) {
			next := *r.URL
			next.RawQuery = url.Values{"from": {fmt.Sprint(from + 1)}}.Encode()
			w.Header().Add("Link", `</help>; rel="help", <`+at(next.RequestURI())+`>; rel="next"`)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": all[from : from+1]})
	})
}

// A signature is found on every page of the list of referrers, which may go on at the same registry only, and not for ever.
func TestPages(t *testing.T) {
	f := newRegistry(t, true)
	key, policy := pair(t)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	if _, err := newStore(t, "").Sign(t.Context(), exact, key); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		junk int
		at   func(next string) string
		want string
	}{
		"relative":     {70, func(next string) string { return next }, ""},
		"absolute":     {2, func(next string) string { return f.URL + next }, ""},
		"another host": {2, func(next string) string { return "http://127.0.0.1:1" + next }, "goes on at another host, 127.0.0.1:1"},
		"no address":   {2, func(string) string { return "http://[" }, "goes on at what is no address"},
		"no end":       {2, func(string) string { return "?from=0" }, "as far as its first 1000 signatures say; it has more"},
	} {
		t.Run(name, func(t *testing.T) {
			f.instead.Store(nil)
			f.paged(t, exact, c.junk, c.at)
			before := f.requests.Load()
			signer, err := newStore(t, "").Verify(t.Context(), exact, policy)
			if c.want == "" && (err != nil || signer != key.Fingerprint()) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("had %v; want %q", err, c.want)
			}
			if asked := f.requests.Load() - before; asked > 4*maxPages {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

// Signatures of others, however many, do not hide the one that counts.
func TestManySignatures(t *testing.T) { eachRegistry(t, testManySignatures) }

func testManySignatures(t *testing.T, f *faulty) {
	key, policy := pair(t)
	other, _ := pair(t)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	s := newStore(t, "")
	for range 70 {
		b, err := other.sign("shop/cart", exact.Digest())
		if err != nil {
			t.Fatal(err)
		}
		attach(t, s, exact, b)
	}
	if _, err := s.Sign(t.Context(), exact, key); err != nil {
		t.Fatal(err)
	}
	if signer, err := s.Verify(t.Context(), exact, policy); err != nil || signer != key.Fingerprint() {
		t.Error(signer, err)
	}
}

// A signature that may not be read is told as what the registry has answered, unless another one is good.
func TestForbiddenSignature(t *testing.T) {
	for _, status := range []int{401, 403} {
		for part, good := range map[string]bool{"/manifests/": true, "/blobs/": true, "": false} {
			t.Run(fmt.Sprint(status, part), func(t *testing.T) {
				f := newRegistry(t, true)
				key, policy := pair(t)
				exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
				s := newStore(t, "")
				sign := func() descriptor {
					known, _, err := s.bundles(t.Context(), exact)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := s.Sign(t.Context(), exact, key); err != nil {
						t.Fatal(err)
					}
					found, _, err := s.bundles(t.Context(), exact)
					if err != nil {
						t.Fatal(err)
					}
					i := slices.IndexFunc(found, func(d descriptor) bool {
						return !slices.ContainsFunc(known, func(k descriptor) bool { return k.Digest == d.Digest })
					})
					return found[i]
				}
				hidden := sign()
				raw, err := s.readManifest(t.Context(), exact.At(hidden.Digest), 1)
				if err != nil {
					t.Fatal(err)
				}
				m, err := parseManifest("", raw)
				if err != nil {
					t.Fatal(err)
				}
				if part == "" {
					sign() // another one, that may be read
				}
				instead := func(w http.ResponseWriter, r *http.Request) bool {
					if part != "/blobs/" && strings.HasSuffix(r.URL.Path, hidden.Digest) || part == "/blobs/" && strings.HasSuffix(r.URL.Path, m.Layers[0].Digest) {
						w.WriteHeader(status)
						return true
					}
					return false
				}
				f.instead.Store(&instead)
				_, err = s.Verify(t.Context(), exact, policy)
				var answer *RegistryError
				if good && (!errors.As(err, &answer) || answer.Status != status) || !good && err != nil {
					t.Errorf("had %v; want status %d: %v", err, status, good)
				}
			})
		}
	}
}

// Of a workload, the index is signed after all that it names: a signature of it says that there are the others.
func TestIndexIsSignedLast(t *testing.T) {
	f := newRegistry(t, true)
	key, policy := pair(t)
	s := newStore(t, "")
	exact, err := s.PushWorkload(t.Context(), f.ref(t, "shop/all:1"), map[string]*Component{"cart": {Wasm: wasm("cart")}}, nil,
		func(map[string]string) ([]byte, error) { return []byte(`{"kind":"Workload"}`), nil })
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	instead := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		if written++; written == 3 { // the document's, the component's, and then the index's
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	f.instead.Store(&instead)
	if _, err := s.Sign(t.Context(), exact, key); err == nil {
		t.Fatal("the third signature was written")
	}
	f.instead.Store(nil)
	var refused *SignatureError
	if _, err := s.Verify(t.Context(), exact, policy); !errors.As(err, &refused) || refused.Reason != Unsigned {
		t.Errorf("the index is signed before all that it names: %v", err)
	}
}
