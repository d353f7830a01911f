package artifact

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"unicode/utf8"
)

// annotationOf are the custom sections in which tools write what a component is (wasm-metadata's, as wasm-tools has them), by the
// annotation that each becomes.
var annotationOf = map[string]string{
	"authors": "org.opencontainers.image.authors", "description": "org.opencontainers.image.description", "licenses": "org.opencontainers.image.licenses",
	"source": "org.opencontainers.image.source", "homepage": "org.opencontainers.image.url", "revision": "org.opencontainers.image.revision",
	"version": "org.opencontainers.image.version",
}

// maxText bounds an annotation.
const maxText = 4 << 10

// metadata reads what a component says of itself in its outermost custom sections. Bytes that are no component have none.
func metadata(wasm []byte) map[string]string {
	out := map[string]string{}
	if !bytes.HasPrefix(wasm, []byte("\x00asm")) || len(wasm) < 8 {
		return nil
	}
	for rest := wasm[8:]; len(rest) > 0; {
		id := rest[0]
		body, after, ok := sized(rest[1:])
		if !ok {
			return nil
		}
		rest = after
		if id != 0 {
			continue
		}
		name, text, ok := sized(body)
		if key := annotationOf[string(name)]; ok && key != "" && len(text) <= maxText && utf8.Valid(text) {
			out[key] = string(text)
		}
	}
	return merged(out)
}

// sized reads a count of bytes and that many bytes.
func sized(b []byte) (body, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	return b[size:][:n], b[size:][n:], true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
