package app

import (
	"fmt"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// scalar is a text with a grammar of its own. Its pattern goes into the schema; parse decides.
type scalar interface {
	parse(text string) error
	pattern() string
	// number says that a plain number is a valid spelling too.
	number() bool
}

var (
	_ scalar = (*Name)(nil)
	_ scalar = (*Size)(nil)
	_ scalar = (*Count)(nil)
	_ scalar = (*Duration)(nil)
	_ scalar = (*HTTPGrant)(nil)
	_ scalar = (*SocketGrant)(nil)
)

// Name is a name as DNS and Kubernetes have them.
type Name string

func (n *Name) pattern() string { return "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" }
func (n *Name) number() bool    { return false }

func (n *Name) parse(s string) error {
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

func (z *Size) pattern() string { return "^[0-9]+([kKMGT]i?B?|B)?$" }
func (z *Size) number() bool    { return true }

func (z *Size) parse(s string) (err error) {
	n, err := workload.ParseSize(s)
	*z = Size(n)
	return err
}

// Count is a number of things.
type Count uint64

func (c *Count) pattern() string { return "^[0-9]+[kMGT]?$" }
func (c *Count) number() bool    { return true }

func (c *Count) parse(s string) error {
	n, err := workload.ParseCount(s)
	*c = Count(n)
	return err
}

// Duration is a length of time.
type Duration time.Duration

func (d *Duration) pattern() string { return `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$` }
func (d *Duration) number() bool    { return false }

func (d *Duration) parse(s string) error {
	v, err := workload.ParseDuration(s)
	*d = Duration(v)
	return err
}

// HTTPGrant is a destination of outgoing requests.
type HTTPGrant string

func (g *HTTPGrant) pattern() string { return `^(\*|https?://[^/?#@]+/?)$` }
func (g *HTTPGrant) number() bool    { return false }

func (g *HTTPGrant) parse(s string) error {
	p, err := workload.ParseHTTP(s)
	*g = HTTPGrant(p.String())
	return err
}

// SocketGrant is a socket address.
type SocketGrant string

func (g *SocketGrant) pattern() string { return `^(\*|.+:(\*|[0-9]+))$` }
func (g *SocketGrant) number() bool    { return false }

func (g *SocketGrant) parse(s string) error {
	a, err := workload.ParseAddress(s)
	*g = SocketGrant(a.String())
	return err
}
