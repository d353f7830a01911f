// Package grpchttp knows what gRPC says in the heads and trailers of HTTP messages, by its document "gRPC over HTTP2": the content
// type, the timeout and the status. It knows nothing of messages and their encodings.
package grpchttp

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The fields that gRPC defines, in net/http's spelling.
const (
	Timeout = "Grpc-Timeout"
	Status  = "Grpc-Status"
	Message = "Grpc-Message"
)

// ContentType is that of messages in any encoding.
const ContentType = "application/grpc"

// Is says whether a message with these header fields is one of gRPC: application/grpc, +FORMAT and parameters included. gRPC-Web, which is
// another protocol, is not.
func Is(h http.Header) bool {
	values := h["Content-Type"]
	return len(values) > 0 && IsContentType(values[0])
}

// IsContentType is Is for the value of the field content-type.
func IsContentType(s string) bool {
	if len(s) < len(ContentType) || !strings.EqualFold(s[:len(ContentType)], ContentType) {
		return false
	}
	return len(s) == len(ContentType) || strings.IndexByte("+; ", s[len(ContentType)]) >= 0
}

// Method is the called method, package.Service/Method, of a path; empty where the path names none.
func Method(path string) string {
	rest, ok := strings.CutPrefix(path, "/")
	service, method, both := strings.Cut(rest, "/")
	if !ok || !both || service == "" || method == "" || strings.Contains(method, "/") {
		return ""
	}
	return rest
}

// units are those of a timeout, from the smallest.
var units = []struct {
	letter byte
	of     time.Duration
}{{'n', 1}, {'u', time.Microsecond}, {'m', time.Millisecond}, {'S', time.Second}, {'M', time.Minute}, {'H', time.Hour}}

// maxDigits is how many digits a timeout may have.
const maxDigits = 8

// TimeoutOf is the timeout that header fields name. ok is false where they name none, or something that is no timeout. One that is too
// long for a Duration is the longest.
func TimeoutOf(h http.Header) (d time.Duration, ok bool) {
	values := h[Timeout]
	if len(values) != 1 {
		return 0, false
	}
	s := values[0]
	if len(s) < 2 || len(s) > maxDigits+1 {
		return 0, false
	}
	for i := range len(s) - 1 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
	if err != nil {
		return 0, false
	}
	for _, u := range units {
		if u.letter != s[len(s)-1] {
			continue
		}
		if n > math.MaxInt64/int64(u.of) {
			return math.MaxInt64, true
		}
		return time.Duration(n) * u.of, true
	}
	return 0, false
}

// FormatTimeout is d as the value of the field, in the finest unit whose number of digits is allowed, rounded up; d below 0 is 0.
func FormatTimeout(d time.Duration) string {
	const most = 99_999_999
	d = max(d, 0)
	for _, u := range units {
		n := int64(d / u.of)
		if d%u.of != 0 {
			n++
		}
		if n <= most {
			return strconv.FormatInt(n, 10) + string(u.letter)
		}
	}
	return "99999999H" // no Duration is that long
}

// Code is the status of a call.
type Code uint8

// The codes that the host itself gives; there are more.
const (
	OK                Code = 0
	DeadlineExceeded  Code = 4
	ResourceExhausted Code = 8
	Unimplemented     Code = 12
	Internal          Code = 13
	Unavailable       Code = 14
)

// names are the names of the codes, in their order.
var names = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// String is the code's name; that of a code that gRPC does not define is its number.
func (c Code) String() string {
	if int(c) < len(names) {
		return names[c]
	}
	return strconv.Itoa(int(c))
}

// ServerError says whether a code tells of a failure of the server rather than of its client (semantic conventions, rpc/grpc.md).
func (c Code) ServerError() bool {
	switch c {
	case 2, DeadlineExceeded, Unimplemented, Internal, Unavailable, 15:
		return true
	}
	return false
}

// ParseStatus reads a status. ok is false for what is no number of at most three digits that a byte holds.
func ParseStatus(s string) (c Code, ok bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 8)
	return Code(n), err == nil
}

// CodeOfHTTP is the code for an answer that the host itself gives with an HTTP status.
func CodeOfHTTP(status int) Code {
	switch status {
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return DeadlineExceeded
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return Unavailable
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return ResourceExhausted
	case http.StatusNotFound:
		return Unimplemented
	}
	return Internal
}

// EscapeMessage is text as the value of the field grpc-message: percent-encoded, but for printable ASCII.
func EscapeMessage(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
