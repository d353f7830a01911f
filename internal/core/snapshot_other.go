//go:build !(linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64))

package core

import "bytes"

// image is the contents of a memory at one moment. Immutable.
type image struct{ bytes []byte }

// pageUse is empty: everything is copied back.
type pageUse struct{}

func newImage(m *linearMemory) (*image, error) {
	b, err := cloneBytes(m.bytes)
	return &image{b}, err
}

func (i *image) equals(m *linearMemory) bool { return bytes.Equal(m.bytes, i.bytes) }

func (i *image) attach(*linearMemory) error { return nil }

func (i *image) settle() {}

func (i *image) restore(_ *linearMemory, was []byte, _ *pageUse) error {
	copyBack(was, i.bytes)
	return nil
}
