package http

import (
	"os"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/leak"
)

func TestMain(m *testing.M) {
	os.Exit(leak.Main(m, leak.IdleConnections()...))
}
