package s3

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// maxKey bounds a key, in bytes, and maxPart a part of it between slashes: servers that keep objects as files allow no more.
const (
	maxKey  = 1024
	maxPart = 255
)

// marker is the last part of the key of a container's marker. Escaped names do not begin with a dot.
const marker = ".container"

// escape is a part of a key for any text.
func escape(s string) string {
	return backend.Escape(s, '%', func(i int, c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0
	})
}

// unescape is the text of a name that escape has made; ok is false for any other name.
func unescape(name string) (s string, ok bool) {
	s, ok = backend.Unescape(name, '%')
	return s, ok && escape(s) == name
}

// ownerKey is what the keys of an owner begin with.
func (b *Backend) ownerKey(o blobstore.Owner) string {
	return b.prefix + escape(o.Namespace) + "/" + escape(o.Workload) + "/" + escape(o.Component) + "/"
}

// containerKey is what the keys of a container begin with.
func (s *store) containerKey(container string) (string, error) {
	name := escape(container)
	if len(name) > maxPart || len(s.dir)+len(name) > maxKey-maxPart {
		return "", fmt.Errorf("the container's name is too long for S3: %d bytes when it is escaped", len(name))
	}
	return s.dir + name + "/", nil
}

// objectKey is the key of an object below that of its container's generation.
func objectKey(base, object string) (string, error) {
	name := escape(object)
	if len(name) > maxPart || len(base)+len(name) > maxKey {
		return "", fmt.Errorf("the object's name is too long for S3: %d bytes when it is escaped", len(name))
	}
	return base + name, nil
}
