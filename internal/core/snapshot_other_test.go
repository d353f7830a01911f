//go:build !(linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64))

package core

import "testing"

func oldPagemap(t *testing.T) { t.Skip("memory is copied here") }
func noPagemap(t *testing.T)  { t.Skip("memory is copied here") }
func noFaults(t *testing.T)   { t.Skip("memory is copied here") }
