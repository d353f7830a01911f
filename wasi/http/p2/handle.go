package httpp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/component"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// Handle lets an instance answer one request through its export wasi:http/incoming-handler. It returns when the guest
// does; the answer may have been given long before, or never.
func Handle(ctx context.Context, inst *component.Instance, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	panic("unwritten")
}
