package artifact

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// The statement that a signature of cosign makes: "this key has signed this digest", and no more.
const (
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	signedBy      = "https://sigstore.dev/cosign/sign/v1"
)

// bundle is Sigstore's, version 0.3, with a key. What else may be in one, such as entries of a transparency log, is not looked at: the
// policy is the key.
type bundle struct {
	MediaType            string `json:"mediaType"`
	VerificationMaterial struct {
		PublicKey *struct {
			Hint string `json:"hint,omitempty"`
		} `json:"publicKey,omitempty"`
	} `json:"verificationMaterial"`
	DSSE *envelope `json:"dsseEnvelope,omitempty"`
}

// envelope is DSSE's.
type envelope struct {
	Payload     []byte           `json:"payload"`
	PayloadType string           `json:"payloadType"`
	Signatures  []envelopeSigned `json:"signatures"`
}

type envelopeSigned struct {
	Sig   []byte `json:"sig"`
	KeyID string `json:"keyid,omitempty"`
}

// statement is in-toto's.
type statement struct {
	Type          string             `json:"_type"`
	Subject       []statementSubject `json:"subject"`
	PredicateType string             `json:"predicateType"`
	Predicate     json.RawMessage    `json:"predicate,omitempty"`
}

type statementSubject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// preAuth is what a signature of DSSE is over: its type and its payload, each with its length (DSSE 1.0, PAE).
func preAuth(payloadType string, payload []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload)), payload...)
}

// sign makes the bundle of a digest.
func (k *PrivateKey) sign(repository, digest string) ([]byte, error) {
	payload, err := json.Marshal(&statement{
		Type: statementType, PredicateType: signedBy, Predicate: json.RawMessage(`{}`),
		Subject: []statementSubject{{Name: repository, Digest: map[string]string{"sha256": strings.TrimPrefix(digest, "sha256:")}}},
	})
	if err != nil {
		return nil, err
	}
	sig, err := k.over(preAuth(payloadType, payload))
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&k.key.PublicKey)
	if err != nil {
		return nil, err
	}
	b := bundle{MediaType: typeBundle, DSSE: &envelope{Payload: payload, PayloadType: payloadType, Signatures: []envelopeSigned{{Sig: sig}}}}
	hint := sha256.Sum256(der)
	b.VerificationMaterial.PublicKey = &struct {
		Hint string `json:"hint,omitempty"`
	}{base64.StdEncoding.EncodeToString(hint[:])}
	return json.Marshal(&b)
}

// over is the key's signature of bytes.
func (k *PrivateKey) over(b []byte) ([]byte, error) {
	sum := sha256.Sum256(b)
	return ecdsa.SignASN1(rand.Reader, k.key, sum[:])
}

// check says by which key of the policy the bundle signs the digest, or why it does not. The payload is read once its signature has been
// checked.
func (p *Policy) check(raw []byte, digest string) (key string, why Reason) {
	var b bundle
	if json.Unmarshal(raw, &b) != nil || b.MediaType != typeBundle || b.DSSE == nil || b.DSSE.PayloadType != payloadType || len(b.DSSE.Signatures) > maxKeys {
		return "", BadSignature
	}
	signer := p.signer(b.DSSE)
	if signer == nil {
		return "", OtherKey
	}
	var s statement
	if json.Unmarshal(b.DSSE.Payload, &s) != nil || s.Type != statementType {
		return "", BadSignature
	}
	if s.PredicateType != signedBy { // a statement about the artifact, such as a list of what is in it
		return "", Unsigned
	}
	for _, subject := range s.Subject {
		if "sha256:"+subject.Digest["sha256"] == digest {
			return fingerprint(signer), ""
		}
	}
	return "", OtherArtifact
}

// signer is the policy's key that has made one of the signatures; nil: none has.
func (p *Policy) signer(e *envelope) *ecdsa.PublicKey {
	sum := sha256.Sum256(preAuth(e.PayloadType, e.Payload))
	for _, s := range e.Signatures {
		for _, key := range p.keys {
			if ecdsa.VerifyASN1(key, sum[:], s.Sig) {
				return key
			}
		}
	}
	return nil
}
