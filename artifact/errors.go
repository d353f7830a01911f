package artifact

import (
	"fmt"
	"net/http"
	"strings"
)

// ReferenceError says why a text is no reference.
type ReferenceError struct{ Reference, Why string }

// Error names the text and what is wrong with it.
func (e *ReferenceError) Error() string {
	return fmt.Sprintf("%s is no reference of an artifact: %s", e.Reference, e.Why)
}

// RegistryError says that a registry has refused, or could not be asked.
type RegistryError struct {
	Reference string
	Doing     string // "read the manifest"
	Status    int    // the registry's answer; 0: there was none
	Tries     int    // how often it was asked
	Err       error
}

// Error says what was refused, and how.
func (e *RegistryError) Error() string {
	s := fmt.Sprintf("%s: cannot %s: %s", e.Reference, e.Doing, e.why())
	if e.Tries > 1 {
		s += fmt.Sprintf(" (%d tries)", e.Tries)
	}
	return s
}

func (e *RegistryError) why() string {
	switch e.Status {
	case 0:
		return e.Err.Error()
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprintf("the registry does not allow it (%d %s)", e.Status, http.StatusText(e.Status))
	case http.StatusNotFound:
		return "the registry does not have it (404 Not Found)"
	case http.StatusTooManyRequests:
		return "the registry has had too many requests (429 Too Many Requests)"
	}
	return strings.TrimSpace(fmt.Sprintf("the registry answered %d %s", e.Status, http.StatusText(e.Status)))
}

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// final says whether asking again would have the same answer.
func (e *RegistryError) final() bool {
	switch e.Status {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return e.Status < 500 || e.Status == http.StatusNotImplemented
}

// IntegrityError says that bytes are not what their digest promises, or end too early.
type IntegrityError struct {
	Reference string
	What      string // "the layer"
	Want, Got string // digests, or counts of bytes
}

// Error has both.
func (e *IntegrityError) Error() string {
	by := "reference"
	if e.What == "the layer" {
		by = "manifest"
	}
	return fmt.Sprintf("%s: %s is not what the %s promises: want %s, had %s", e.Reference, e.What, by, e.Want, e.Got)
}

// FormatError says that an artifact is none that can be run: an image of another kind, or one over a bound.
type FormatError struct{ Reference, Why string }

// Error says why.
func (e *FormatError) Error() string { return e.Reference + ": " + e.Why }

// Reason is why a signature is not accepted.
type Reason string

// Reasons.
const (
	Unsigned      Reason = "unsigned"       // there is no signature
	OtherKey      Reason = "other key"      // there are signatures, by keys that the policy does not have
	OtherArtifact Reason = "other artifact" // a signature by a key of the policy is over another digest
	BadSignature  Reason = "bad signature"  // what is there is no bundle that can be read
)

// SignatureError says that no signature of an artifact is accepted.
type SignatureError struct {
	Reference string // with the digest
	Key       string // the file with the keys of the policy
	Reason    Reason
	Checked   int  // how many signatures there are
	More      bool // there are more than are looked at
}

// Error says which of the reasons it is.
func (e *SignatureError) Error() string {
	why := map[Reason]string{
		Unsigned:      "it is not signed",
		OtherKey:      "it is signed, but not with this key",
		OtherArtifact: "the signature with this key is for another artifact",
		BadSignature:  "its signature cannot be read",
	}[e.Reason]
	if e.More {
		why += fmt.Sprintf(", as far as its first %d signatures say; it has more", maxBundles)
	}
	return fmt.Sprintf("%s is refused: %s (%s)", e.Reference, why, e.Key)
}

// KeyError says why a file has no key that can be used.
type KeyError struct{ File, Why string }

// Error names the file.
func (e *KeyError) Error() string { return e.File + ": " + e.Why }
