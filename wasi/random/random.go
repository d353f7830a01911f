// Package random gives guests random bytes: unpredictable ones from the operating system, and cheap ones.
package random

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// MaxBytes bounds one request. A larger one is a trap, as the interfaces have no error for it.
const MaxBytes = 64 << 20

// Bytes gives n unpredictable bytes.
func Bytes(n uint64) ([]byte, error) {
	b, err := buffer(n)
	if err != nil {
		return nil, err
	}
	crand.Read(b) // never fails: crypto/rand ends the process where the system has no randomness
	return b, nil
}

// Uint64 gives an unpredictable number.
func Uint64() uint64 {
	var b [8]byte
	crand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// InsecureBytes gives n bytes that are evenly distributed and no secret.
func InsecureBytes(n uint64) ([]byte, error) {
	b, err := buffer(n)
	if err != nil {
		return nil, err
	}
	var word [8]byte
	for i := 0; i < len(b); i += len(word) {
		binary.LittleEndian.PutUint64(word[:], rand.Uint64())
		copy(b[i:], word[:])
	}
	return b, nil
}

// InsecureUint64 gives a number that is no secret.
func InsecureUint64() uint64 { return rand.Uint64() }

// Within makes n bytes with of if the account has room for them. They are charged only until it returns.
func Within(a *cm.Account, n uint64, of func(uint64) ([]byte, error)) ([]byte, error) {
	if n <= MaxBytes && a.Available(n) < n {
		if err := a.Reserve(int(n)); err != nil {
			return nil, err
		}
		a.Release(int(n)) // there is room now
	}
	return of(n)
}

// Seed is a number that is no secret, to seed hash maps with.
type Seed = cm.Tuple2[uint64, uint64]

// NewSeed makes one.
func NewSeed() Seed { return Seed{F0: InsecureUint64(), F1: InsecureUint64()} }

func buffer(n uint64) ([]byte, error) {
	if n > MaxBytes {
		return nil, wasiio.Misuse("random: %d bytes asked for at once, at most %d are given", n, MaxBytes)
	}
	return make([]byte, n), nil
}
