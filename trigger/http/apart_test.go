package http_test

import (
	"context"
	"net/http"
	"testing"

	triggerhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)
