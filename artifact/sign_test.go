package artifact

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// pair makes a pair of keys, and the policy of its public one.
func pair(t *testing.T) (*PrivateKey, *Policy) {
	t.Helper()
	private, public, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"k.key": private, "k.pub": public} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ReadPrivateKey(filepath.Join(dir, "k.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := ReadPolicy(filepath.Join(dir, "k.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return key, policy
}

// A signature is accepted or refused for what it is, by the referrers of a registry and by the tag where it has none; of what is refused no
// layer is read.
func TestSignatures(t *testing.T) {
	for name, made := range map[string]func(*testing.T) *faulty{
		"referrers":    func(t *testing.T) *faulty { return newRegistry(t, true) },
		"tag":          func(t *testing.T) *faulty { return newRegistry(t, false) },
		"distribution": func(t *testing.T) *faulty { f, _ := newDistribution(t); return f },
	} {
		t.Run(name, func(t *testing.T) {
			f := made(t)
			key, policy := pair(t)
			other, _ := pair(t)
			s := newStore(t, "")
			signed := func(name string, keys ...*PrivateKey) Reference {
				exact := push(t, f.ref(t, "shop/"+name+":1"), name)
				for _, k := range keys {
					if got, err := s.Sign(t.Context(), f.ref(t, "shop/"+name+":1"), k); err != nil || got.Digest() != exact.Digest() {
						t.Fatal(got, err)
					}
				}
				return exact
			}
			good, two, none, wrong := signed("good", key), signed("two", other, key), signed("none"), signed("wrong", other)
			moved := signed("moved", key)
			// A bundle for another artifact, attached to this one.
			b, err := key.sign("shop/x", digestOf([]byte("x")))
			if err != nil {
				t.Fatal(err)
			}
			foreign := push(t, f.ref(t, "shop/foreign:1"), "foreign")
			attach(t, s, foreign, b)
			spoilt := push(t, f.ref(t, "shop/spoilt:1"), "spoilt")
			attach(t, s, spoilt, []byte(`{"mediaType":`))
			// A statement of another kind by the right key is no signature.
			about := push(t, f.ref(t, "shop/about:1"), "about")
			attach(t, s, about, changed(t, key, about.Digest(), func(p *statement) { p.PredicateType = "https://spdx.dev/Document" }))

			for name, c := range map[string]struct {
				ref  Reference
				want Reason
			}{
				"good": {good, ""}, "one of two": {two, ""}, "missing": {none, Unsigned}, "other key": {wrong, OtherKey},
				"other artifact": {foreign, OtherArtifact}, "unreadable": {spoilt, BadSignature}, "another statement": {about, Unsigned}, "by tag": {f.ref(t, "shop/moved:1"), ""},
			} {
				t.Run(name, func(t *testing.T) {
					blobs := 0
					instead := func(_ http.ResponseWriter, r *http.Request) bool {
						for _, text := range []string{"good", "two", "none", "wrong", "foreign", "spoilt", "about", "moved"} {
							if strings.HasSuffix(r.URL.Path, "/blobs/"+digestOf(wasm(text))) {
								blobs++
							}
						}
						return false
					}
					f.instead.Store(&instead)
					defer f.instead.Store(nil)
					a, err := newStore(t, t.TempDir()).Fetch(t.Context(), c.ref, policy)
					var refused *SignatureError
					switch {
					case c.want == "" && (err != nil || a.Key != key.Fingerprint() || blobs != 1):
						t.Errorf("%+v, %v, %d layers read", a, err, blobs)
					case c.want != "" && (!errors.As(err, &refused) || refused.Reason != c.want || blobs != 0):
						t.Errorf("had %v, %d layers read; want %s", err, blobs, c.want)
					}
				})
			}
			// The tag is moved to something that nobody has signed.
			push(t, f.ref(t, "shop/moved:1"), "moved on")
			var refused *SignatureError
			if _, err := newStore(t, "").Fetch(t.Context(), f.ref(t, "shop/moved:1"), policy); !errors.As(err, &refused) || refused.Reason != Unsigned {
				t.Errorf("a moved tag: %v", err)
			}
			if _, err := newStore(t, "").Fetch(t.Context(), moved, policy); err != nil {
				t.Errorf("what it stood for: %v", err)
			}
		})
	}
}

// attach puts a bundle into the repository as a signature of ref.
func attach(t *testing.T, s *Store, ref Reference, b []byte) {
	t.Helper()
	config := describe(typeEmpty, blank)
	_, raw, err := s.manifestOf(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	m := encode(&manifest{SchemaVersion: 2, MediaType: typeManifest, ArtifactType: typeBundle, Config: &config, Layers: []descriptor{describe(typeBundle, b)},
		Subject: &descriptor{MediaType: typeManifest, Digest: ref.Digest(), Size: int64(len(raw))}})
	if err := s.upload(t.Context(), ref.At(digestOf(m)), m, typeManifest, blobOf(blank, typeEmpty), blobOf(b, typeBundle)); err != nil {
		t.Fatal(err)
	}
}

// changed makes a bundle whose statement is another.
func changed(t *testing.T, key *PrivateKey, digest string, change func(*statement)) []byte {
	t.Helper()
	s := &statement{Type: statementType, PredicateType: signedBy, Subject: []statementSubject{{Digest: map[string]string{"sha256": strings.TrimPrefix(digest, "sha256:")}}}}
	change(s)
	payload, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := key.over(preAuth(payloadType, payload))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(&bundle{MediaType: typeBundle, DSSE: &envelope{Payload: payload, PayloadType: payloadType, Signatures: []envelopeSigned{{Sig: sig}}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An artifact whose signature was accepted starts without its registry, and is checked all the same.
func TestSignatureOffline(t *testing.T) { eachRegistry(t, testSignatureOffline) }

func testSignatureOffline(t *testing.T, f *faulty) {
	key, policy := pair(t)
	_, stranger := pair(t)
	exact := push(t, f.ref(t, "shop/cart:1"), "a cart")
	s := newStore(t, t.TempDir())
	if _, err := s.Sign(t.Context(), exact, key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), exact, policy); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if a, err := s.Fetch(t.Context(), exact, policy); err != nil || a.Key != key.Fingerprint() {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := s.Fetch(t.Context(), exact, stranger); err == nil {
		t.Error("a policy with another key has accepted it")
	}
	if err := os.WriteFile(s.cache.signatureFile(exact.Digest()), []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), exact, policy); err == nil {
		t.Error("a changed signature in the cache was accepted")
	}
}

// A workload is signed with all of its components.
func TestSignedWorkload(t *testing.T) { eachRegistry(t, testSignedWorkload) }

func testSignedWorkload(t *testing.T, f *faulty) {
	key, policy := pair(t)
	s := newStore(t, t.TempDir())
	var digests map[string]string
	exact, err := s.PushWorkload(t.Context(), f.ref(t, "shop/all:1"), map[string]*Component{"cart": {Wasm: wasm("cart")}, "price": {Wasm: wasm("price")}}, nil,
		func(d map[string]string) ([]byte, error) {
			digests = d
			return []byte(`{"kind":"Workload"}`), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), exact, policy); err == nil {
		t.Error("it is accepted before it is signed")
	}
	if _, err := s.Sign(t.Context(), exact, key); err != nil {
		t.Fatal(err)
	}
	a, err := newStore(t, "").Fetch(t.Context(), exact, policy)
	if err != nil || string(a.Document) != `{"kind":"Workload"}` || a.Component != nil {
		t.Fatalf("%+v, %v", a, err)
	}
	for name, d := range digests {
		c, err := newStore(t, "").Fetch(t.Context(), exact.At(d), policy)
		if err != nil || !bytes.Equal(c.Component, wasm(name)) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// A manifest may leave its type out; what names it in a signature may not.
func TestSignedWithoutType(t *testing.T) {
	f := newRegistry(t, true)
	s := newStore(t, "")
	key, policy := pair(t)
	pushed := push(t, f.ref(t, "shop/cart:1"), "a cart")
	m, _, err := s.manifestOf(t.Context(), pushed)
	if err != nil {
		t.Fatal(err)
	}
	m.MediaType = ""
	exact, err := s.finish(t.Context(), f.ref(t, "shop/cart:2"), encode(m), typeManifest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(t.Context(), exact, key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), exact, policy); err != nil {
		t.Error(err)
	}
	found, _, err := s.bundles(t.Context(), exact)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	raw, err := s.readManifest(t.Context(), exact.At(found[0].Digest), 1)
	if err != nil {
		t.Fatal(err)
	}
	if signed, err := parseManifest("", raw); err != nil || signed.Subject.MediaType != typeManifest {
		t.Errorf("%+v, %v", signed, err)
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, text []byte, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	password := func(text string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(text), nil } }
	private, public, err := GenerateKey([]byte("swordfish"))
	if err != nil {
		t.Fatal(err)
	}
	encrypted := write("e.key", private, 0o644)
	key, err := ReadPrivateKey(encrypted, password("swordfish"))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := ReadPolicy(write("e.pub", public, 0o644))
	if err != nil || fingerprint(policy.keys[0]) != key.Fingerprint() {
		t.Fatal(err)
	}
	var bad *KeyError
	if _, err := ReadPrivateKey(encrypted, password("haddock")); !errors.As(err, &bad) || strings.Contains(err.Error(), "haddock") {
		t.Errorf("a wrong password: %v", err)
	}
	plain, _, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	open := write("open.key", plain, 0o644)
	if _, err := ReadPrivateKey(open, nil); runtime.GOOS != "windows" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), "chmod 600")) {
		t.Errorf("a key that others may read: %v", err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	for name, text := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "private": plain, "p384": pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}),
		"broken": pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: []byte{1}}),
	} {
		if _, err := ReadPolicy(write(name+".pub", text, 0o600)); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"no JSON": "{", "huge": `{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":64,"p":1}},"cipher":{"name":"nacl/secretbox","nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}`,
		"other": `{"kdf":{"name":"pbkdf2"}}`, "odd": `{"kdf":{"name":"scrypt","params":{"N":3,"r":1,"p":1}},"cipher":{"name":"nacl/secretbox","nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}`,
	} {
		file := write("x.key", pem.EncodeToMemory(&pem.Block{Type: pemEncrypted, Bytes: []byte(text)}), 0o600)
		if _, err := ReadPrivateKey(file, password("")); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Two keys in one file, for a change of keys.
	_, second, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	both, err := ReadPolicy(write("both.pub", slices.Concat(second, public), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	b, err := key.sign("x", digestOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	if used, why := both.check(b, digestOf(nil)); why != "" || used != key.Fingerprint() {
		t.Error(used, why)
	}
}

// FuzzBundle: no bundle makes the check panic, or is accepted without the key's signature.
func FuzzBundle(f *testing.F) {
	private, public, err := GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	_ = private
	file := filepath.Join(f.TempDir(), "k.pub")
	if err := os.WriteFile(file, public, 0o600); err != nil {
		f.Fatal(err)
	}
	policy, err := ReadPolicy(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, why := policy.check(b, digestOf(nil)); why == "" || key != "" {
			t.Errorf("accepted %q", b)
		}
	})
}
