//go:build !(linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64))

package core

import "testing"

func oldPagemap(t *testing.T) { t.Skip("memory is copied here") }
func noPagemap(t *testing.T)  { t.Skip("memory is copied here") }
func noImages(t *testing.T)   {} // there are none here anyway
func noFaults(t *testing.T)   { t.Skip("memory is copied here") }
