package v1alpha1

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Scalar is a text with a grammar, which is the same in YAML and JSON. UnmarshalText's error for the empty text names the wanted
// form after "want".
type Scalar interface {
	encoding.TextUnmarshaler
	// Pattern is the grammar as a JSON Schema's regular expression. It accepts some texts that UnmarshalText refuses.
	Pattern() string
	// Number says that a plain number is a valid spelling, too.
	Number() bool
}

var (
	_ Scalar = (*Name)(nil)
	_ Scalar = (*Size)(nil)
	_ Scalar = (*Count)(nil)
	_ Scalar = (*Duration)(nil)
	_ Scalar = (*HTTPGrant)(nil)
	_ Scalar = (*SocketGrant)(nil)
	_ Scalar = (*EnvName)(nil)
)

// Name is a name as DNS and Kubernetes have them.
type Name string

// Pattern is for the schema.
func (n *Name) Pattern() string { return "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" }

// Number says whether it may be a plain number.
func (n *Name) Number() bool { return false }

// UnmarshalText reads it.
func (n *Name) UnmarshalText(b []byte) error {
	s := string(b)
	ok := len(s) > 0 && len(s) <= 63
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0 && i < len(s)-1) {
			ok = false
		}
	}
	if !ok {
		return fmt.Errorf("%q: want a name of at most 63 lower-case letters, digits and inner hyphens", s)
	}
	*n = Name(s)
	return nil
}

// Size is an amount of bytes.
type Size uint64

// Pattern is for the schema.
func (z *Size) Pattern() string { return "^0*[1-9][0-9]*([kKMGT]i?B?|B)?$" }

// Number says whether it may be a plain number.
func (z *Size) Number() bool { return true }

// UnmarshalText reads it.
func (z *Size) UnmarshalText(b []byte) (err error) {
	s := string(b)
	n, err := workload.ParseSize(s)
	*z = Size(n)
	return err
}

// Count is a number of things.
type Count uint64

// Pattern is for the schema.
func (c *Count) Pattern() string { return "^0*[1-9][0-9]*[kMGT]?$" }

// Number says whether it may be a plain number.
func (c *Count) Number() bool { return true }

// UnmarshalText reads it.
func (c *Count) UnmarshalText(b []byte) error {
	s := string(b)
	n, err := workload.ParseCount(s)
	*c = Count(n)
	return err
}

// Duration is a length of time.
type Duration time.Duration

// Pattern is for the schema.
func (d *Duration) Pattern() string {
	return `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*([0-9]*[1-9][0-9]*(\.[0-9]*)?|[0-9]*\.[0-9]*[1-9][0-9]*)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$`
}

// Number says whether it may be a plain number.
func (d *Duration) Number() bool { return false }

// UnmarshalText reads it.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	v, err := workload.ParseDuration(s)
	*d = Duration(v)
	return err
}

// HTTPGrant is a destination of outgoing requests.
type HTTPGrant string

// Pattern is for the schema.
func (g *HTTPGrant) Pattern() string {
	return `^(\*|([hH][tT][tT][pP][sS]?|[hH]2[cC])://(\*|(\*\.)?[^*:/?#@\[\]\s]+|\[[0-9a-fA-F:.]+\])(:(\*|` + port + `))?/?)$`
}

// port is the regular expression of a port.
const port = `(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`

// Number says whether it may be a plain number.
func (g *HTTPGrant) Number() bool { return false }

// UnmarshalText reads it.
func (g *HTTPGrant) UnmarshalText(b []byte) error {
	s := string(b)
	p, err := workload.ParseHTTP(s)
	*g = HTTPGrant(p.String())
	return err
}

// SocketGrant is a socket address.
type SocketGrant string

// Pattern is for the schema.
func (g *SocketGrant) Pattern() string {
	return `^(\*|(\*|[^*:/@\[\] ]+|\[[0-9a-fA-F:.]+\]):(\*|` + port + `))$`
}

// Number says whether it may be a plain number.
func (g *SocketGrant) Number() bool { return false }

// UnmarshalText reads it.
func (g *SocketGrant) UnmarshalText(b []byte) error {
	s := string(b)
	a, err := workload.ParseAddress(s)
	*g = SocketGrant(a.String())
	return err
}

// MarshalText spells a size in the largest unit that divides it.
func (z Size) MarshalText() ([]byte, error) { return []byte(workload.FormatSize(uint64(z))), nil }

// MarshalText spells a count in the largest unit that divides it.
func (c Count) MarshalText() ([]byte, error) { return []byte(workload.FormatCount(uint64(c))), nil }

// MarshalText spells a duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalJSON takes a text or a number.
func (z *Size) UnmarshalJSON(b []byte) error { return numberOrText(b, z) }

// UnmarshalJSON takes a text or a number.
func (c *Count) UnmarshalJSON(b []byte) error { return numberOrText(b, c) }

func numberOrText(b []byte, s encoding.TextUnmarshaler) error {
	if len(b) == 0 || string(b) == "null" {
		return nil
	}
	if b[0] != '"' {
		return s.UnmarshalText(b)
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	return s.UnmarshalText([]byte(text))
}

// EnvName is the name of an environment variable of the host that has a secret. Texts that are no such name may be the secret itself.
type EnvName string

// Pattern is for the schema.
func (n *EnvName) Pattern() string { return "^[A-Za-z_][A-Za-z0-9_]*$" }

// Number says whether it may be a plain number.
func (n *EnvName) Number() bool { return false }

// UnmarshalText reads it. Its errors do not have the text.
func (n *EnvName) UnmarshalText(b []byte) error {
	for i, c := range b {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9' || i == 0) {
			return errors.New("want the name of an environment variable that has the secret, not the secret: letters, digits and underscores")
		}
	}
	if len(b) == 0 {
		return errors.New("want the name of an environment variable")
	}
	*n = EnvName(b)
	return nil
}
