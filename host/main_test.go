package host

import (
	"os"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }
