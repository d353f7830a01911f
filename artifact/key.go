package artifact

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// Types of PEM blocks with keys. The encrypted ones are cosign's.
const (
	pemPublic       = "PUBLIC KEY"
	pemPrivate      = "PRIVATE KEY"
	pemEC           = "EC PRIVATE KEY"
	pemEncrypted    = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemEncryptedOld = "ENCRYPTED COSIGN PRIVATE KEY"
)

const (
	maxKeyFile = 256 << 10
	maxKeys    = 64
)

// Policy says whose signatures are accepted: those by any of its keys.
type Policy struct {
	file string
	keys []*ecdsa.PublicKey
}

// ReadPolicy reads a file with public keys, PEM, ECDSA on P-256, as cosign writes them. There may be several, for a change of keys. An error is a *KeyError,
// or of the file system.
func ReadPolicy(file string) (*Policy, error) {
	text, err := readKeys(file)
	if err != nil {
		return nil, err
	}
	p := &Policy{file: file}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != pemPublic {
			return nil, &KeyError{file, fmt.Sprintf("it has a block %q; want public keys alone (%q)", block.Type, pemPublic)}
		}
		any, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, &KeyError{file, "a public key in it cannot be read"}
		}
		key, ok := any.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() {
			return nil, &KeyError{file, "a key in it is of another kind; want ECDSA on P-256, as vitrine keygen and cosign make them"}
		}
		p.keys = append(p.keys, key)
	}
	switch {
	case len(p.keys) == 0:
		return nil, &KeyError{file, "it has no public key; want PEM, as vitrine keygen and cosign write it (cosign.pub)"}
	case len(p.keys) > maxKeys:
		return nil, &KeyError{file, fmt.Sprintf("it has %d keys; want at most %d", len(p.keys), maxKeys)}
	}
	return p, nil
}

// readKeys reads a file of keys.
func readKeys(file string) ([]byte, error) {
	text, err := readBounded(file, maxKeyFile)
	var system *fs.PathError
	if err != nil && !errors.As(err, &system) {
		return nil, &KeyError{file, err.Error()}
	}
	return text, err
}

// fingerprint is the digest of a public key, by which a person and a span name it.
func fingerprint(key *ecdsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// PrivateKey signs artifacts.
type PrivateKey struct{ key *ecdsa.PrivateKey }

// Fingerprint is that of the public key.
func (k *PrivateKey) Fingerprint() string { return fingerprint(&k.key.PublicKey) }

// ReadPrivateKey reads a private key, PEM: one of cosign's, which are encrypted, or one without encryption, whose file others must not be
// able to read. password is asked for an encrypted key alone. An error is a *KeyError, of the file system, or of password.
func ReadPrivateKey(file string, password func() ([]byte, error)) (*PrivateKey, error) {
	text, err := readKeys(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, &KeyError{file, "it has no private key; want PEM, as vitrine keygen and cosign write it (cosign.key)"}
	}
	der := block.Bytes
	switch block.Type {
	case pemEncrypted, pemEncryptedOld:
		secret, err := password()
		if err != nil {
			return nil, err
		}
		if der, err = decrypt(block.Bytes, secret); err != nil {
			return nil, &KeyError{file, err.Error()}
		}
	case pemPrivate, pemEC:
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
			return nil, &KeyError{file, "others than its owner may read it: chmod 600"}
		}
	default:
		return nil, &KeyError{file, fmt.Sprintf("it has a block %q; want a private key", block.Type)}
	}
	var parsed any
	if parsed, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		parsed, err = x509.ParseECPrivateKey(der)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, &KeyError{file, "the key in it is of another kind; want ECDSA on P-256, as vitrine keygen and cosign make them"}
	}
	return &PrivateKey{key}, nil
}

// GenerateKey makes a pair of keys, PEM. With a password, which may be empty but not nil, the private one is encrypted as cosign does it.
func GenerateKey(password []byte) (private, public []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	block := &pem.Block{Type: pemPrivate, Bytes: der}
	if password != nil {
		sealed, err := encrypt(der, password)
		if err != nil {
			return nil, nil, err
		}
		block = &pem.Block{Type: pemEncrypted, Bytes: sealed}
	}
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(block), pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: pub}), nil
}

// sealed is an encrypted key, as cosign has it: the form of go-securesystemslib/encrypted.
type sealed struct {
	KDF struct {
		Name   string `json:"name"`
		Params struct {
			N int `json:"N"`
			R int `json:"r"`
			P int `json:"p"`
		} `json:"params"`
		Salt []byte `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

const (
	kdfName    = "scrypt"
	cipherName = "nacl/secretbox"
	maxKDF     = 1 << 21 // N·r: 256 MiB
)

func decrypt(text, password []byte) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, errors.New("the encrypted key in it cannot be read")
	}
	p := s.KDF.Params
	if s.KDF.Name != kdfName || s.Cipher.Name != cipherName || len(s.Cipher.Nonce) != 24 {
		return nil, fmt.Errorf("the key in it is encrypted in another way; want %s and %s", kdfName, cipherName)
	}
	if p.N < 2 || p.R < 1 || p.P < 1 || p.N > maxKDF || p.R > maxKDF || p.N*p.R > maxKDF || p.P > 16 {
		return nil, errors.New("the parameters of its encryption are out of bounds")
	}
	derived, err := scrypt.Key(password, s.KDF.Salt, p.N, p.R, p.P, 32)
	if err != nil {
		return nil, errors.New("the parameters of its encryption are out of bounds")
	}
	der, ok := secretbox.Open(nil, s.Ciphertext, (*[24]byte)(s.Cipher.Nonce), (*[32]byte)(derived))
	if !ok {
		return nil, errors.New("the password is not the one that the key was encrypted with")
	}
	return der, nil
}

func encrypt(der, password []byte) ([]byte, error) {
	var s sealed
	s.KDF.Name, s.Cipher.Name = kdfName, cipherName
	s.KDF.Params.N, s.KDF.Params.R, s.KDF.Params.P = 65536, 8, 1
	s.KDF.Salt, s.Cipher.Nonce = make([]byte, 32), make([]byte, 24)
	_, _ = rand.Read(s.KDF.Salt) // it never fails
	_, _ = rand.Read(s.Cipher.Nonce)
	derived, err := scrypt.Key(password, s.KDF.Salt, s.KDF.Params.N, s.KDF.Params.R, s.KDF.Params.P, 32)
	if err != nil {
		return nil, err
	}
	s.Ciphertext = secretbox.Seal(nil, der, (*[24]byte)(s.Cipher.Nonce), (*[32]byte)(derived))
	return json.Marshal(&s)
}
