package wasi_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi"
)

// A handle is charged with handle.SlotBytes, which covers a small object. This table says of what the object holds beyond
// that how it is charged, or why it need not be.
const handleAlone = "nothing beside its handle: the object is small and does not grow"

// constructors are the functions of WASI that make resources.
var constructors = map[string]string{
	"wasi:cli/stdin@0.2.12#get-stdin":                     "account: the buffer that it is read into; what is read ahead is the process's own, once",
	"wasi:cli/stdout@0.2.12#get-stdout":                   "account: the buffer of splices; bytes are passed on as they are written",
	"wasi:cli/stderr@0.2.12#get-stderr":                   "account: the buffer of splices; bytes are passed on as they are written",
	"wasi:cli/terminal-stdin@0.2.12#get-terminal-stdin":   handleAlone,
	"wasi:cli/terminal-stdout@0.2.12#get-terminal-stdout": handleAlone,
	"wasi:cli/terminal-stderr@0.2.12#get-terminal-stderr": handleAlone,

	"wasi:clocks/monotonic-clock@0.2.12#subscribe-instant":  handleAlone,
	"wasi:clocks/monotonic-clock@0.2.12#subscribe-duration": handleAlone,

	"wasi:filesystem/preopens@0.2.12#get-directories":                   "limit files: the open folder",
	"wasi:filesystem/types@0.2.12#[method]descriptor.open-at":           "limit files: the open file, and its path of 4 KiB at the most",
	"wasi:filesystem/types@0.2.12#[method]descriptor.read-via-stream":   "account: the buffer that it is read into, what is read ahead of a pipe",
	"wasi:filesystem/types@0.2.12#[method]descriptor.write-via-stream":  "account: the buffer of splices, what a pipe has not taken yet",
	"wasi:filesystem/types@0.2.12#[method]descriptor.append-via-stream": "account: the buffer of splices, what a pipe has not taken yet",
	"wasi:filesystem/types@0.2.12#[method]descriptor.read-directory":    "account: the entries that are read at a time",

	"wasi:http/outgoing-handler@0.2.12#handle":                          "account: the exchange, and the answer's head until it is taken; limit requests",
	"wasi:http/types@0.2.12#[constructor]fields":                        "account: names and values",
	"wasi:http/types@0.2.12#[static]fields.from-list":                   "account: names and values",
	"wasi:http/types@0.2.12#[method]fields.clone":                       "account: names and values",
	"wasi:http/types@0.2.12#[constructor]outgoing-request":              "account: the fields that it takes over, method, scheme, authority and path",
	"wasi:http/types@0.2.12#[constructor]outgoing-response":             "account: the fields that it takes over",
	"wasi:http/types@0.2.12#[constructor]request-options":               handleAlone,
	"wasi:http/types@0.2.12#[method]outgoing-request.body":              "account: what has been written and not sent, by its stream",
	"wasi:http/types@0.2.12#[method]outgoing-response.body":             "account: what has been written and not sent, by its stream",
	"wasi:http/types@0.2.12#[method]outgoing-body.write":                "account: what has been written and not sent; the buffer of splices",
	"wasi:http/types@0.2.12#[method]outgoing-request.headers":           "the request's own fields",
	"wasi:http/types@0.2.12#[method]outgoing-response.headers":          "the response's own fields",
	"wasi:http/types@0.2.12#[method]incoming-request.headers":           "the request's own fields: an instance has one request, and the limit headers bounds it",
	"wasi:http/types@0.2.12#[method]incoming-request.consume":           "the request's own body",
	"wasi:http/types@0.2.12#[method]incoming-response.headers":          "the response's own fields",
	"wasi:http/types@0.2.12#[method]incoming-response.consume":          "the response's own body",
	"wasi:http/types@0.2.12#[method]incoming-body.stream":               "account: what is read ahead, the buffer that it is read into",
	"wasi:http/types@0.2.12#[static]incoming-body.finish":               "the body that it takes over",
	"wasi:http/types@0.2.12#[method]future-trailers.get":                "account: names and values",
	"wasi:http/types@0.2.12#[method]future-trailers.subscribe":          handleAlone,
	"wasi:http/types@0.2.12#[method]future-incoming-response.get":       "account: the answer's head",
	"wasi:http/types@0.2.12#[method]future-incoming-response.subscribe": handleAlone,

	"wasi:io/streams@0.2.12#[method]input-stream.subscribe":  handleAlone,
	"wasi:io/streams@0.2.12#[method]output-stream.subscribe": handleAlone,

	"wasi:sockets/instance-network@0.2.12#instance-network":                       "one object for all handles; the addresses that it has learnt are bounded (maxLearnt)",
	"wasi:sockets/ip-name-lookup@0.2.12#resolve-addresses":                        "account: the addresses; limit sockets while it is under way",
	"wasi:sockets/ip-name-lookup@0.2.12#[method]resolve-address-stream.subscribe": handleAlone,
	"wasi:sockets/tcp-create-socket@0.2.12#create-tcp-socket":                     "limit sockets; the system's buffers are the system's to bound",
	"wasi:sockets/tcp@0.2.12#[method]tcp-socket.finish-connect":                   "account: what has been written and not sent, the buffers of reads and splices; limit sockets",
	"wasi:sockets/tcp@0.2.12#[method]tcp-socket.accept":                           "account: what has been written and not sent, the buffers of reads and splices; limit sockets",
	"wasi:sockets/tcp@0.2.12#[method]tcp-socket.subscribe":                        handleAlone,
	"wasi:sockets/udp-create-socket@0.2.12#create-udp-socket":                     "limit sockets; the system's buffers are the system's to bound",
	"wasi:sockets/udp@0.2.12#[method]udp-socket.stream":                           "nothing: datagrams are the guest's, or sent, when a call returns",
	"wasi:sockets/udp@0.2.12#[method]udp-socket.subscribe":                        handleAlone,
	"wasi:sockets/udp@0.2.12#[method]incoming-datagram-stream.subscribe":          handleAlone,
	"wasi:sockets/udp@0.2.12#[method]outgoing-datagram-stream.subscribe":          handleAlone,
}

// TestConstructorsAreAccountedFor: every function of WASI that returns a resource is in the table above, with what bounds the
// host's memory for it.
func TestConstructorsAreAccountedFor(t *testing.T) {
	made := serve(t, wasi.Config{}, noHTTP)
	left := maps.Clone(constructors)
	found := 0
	for _, b := range made.inst.Linked().Boundaries() {
		if b.Kind != cm.GuestToHost || b.Type.Result == nil || !ownsResource(b.Type.Result) {
			continue
		}
		found++
		name := b.Name()
		if _, ok := constructors[name]; !ok && !ownsOnlyErrors(b.Type.Result) {
			t.Errorf("%s makes a resource, and constructors does not say what bounds the host's memory for it", name)
		}
		delete(left, name)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("%s makes no resource (any more)", name)
	}
	if found < 50 {
		t.Errorf("only %d functions make resources", found)
	}
}

// ownsResource says whether values of a type own resources.
func ownsResource(ty *cm.Type) bool {
	if ty == nil {
		return false
	}
	parts := []*cm.Type{ty.Elem, ty.OK, ty.Err, ty.Key}
	for _, f := range ty.Fields {
		parts = append(parts, f.Type)
	}
	for _, c := range ty.Cases {
		parts = append(parts, c.Type)
	}
	return ty.Kind == cm.KindOwn || slices.ContainsFunc(parts, ownsResource)
}

// ownsOnlyErrors says whether the only resource that a result owns is its error: a wasi:io/error, which is small.
func ownsOnlyErrors(ty *cm.Type) bool { return ty.Kind == cm.KindResult && !ownsResource(ty.OK) }
