package artifact

import (
	"os"
	"testing"
)

// TestCosign: keys and signatures that cosign 3.1.3 has made are read: testdata/cosign.key, whose password is swordfish, has signed cosignDigest.
func TestCosign(t *testing.T) {
	const cosignDigest = "sha256:208df436bbab8ebe657abcead397dddfd46acda873b363e059594386fc503ca2"
	key, err := ReadPrivateKey("testdata/cosign.key", func() ([]byte, error) { return []byte("swordfish"), nil })
	if err != nil {
		t.Fatal(err)
	}
	policy, err := ReadPolicy("testdata/cosign.pub")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/cosign.bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	if signer, why := policy.check(b, cosignDigest); why != "" || signer != key.Fingerprint() {
		t.Errorf("signed by %q, %s; want %s", signer, why, key.Fingerprint())
	}
	if _, why := policy.check(b, digestOf(nil)); why != OtherArtifact {
		t.Errorf("for another artifact: %q", why)
	}
	_, other := pair(t)
	if _, why := other.check(b, cosignDigest); why != OtherKey {
		t.Errorf("with another key: %q", why)
	}
}
