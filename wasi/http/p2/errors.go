package httpp2

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// errorCode converts an error of wasi/http.
func errorCode(err error) ErrorCode { return LiftErrorCode(wasihttp.ErrorVal(err)) }

// failed is what a host function returns for an error of wasi/http. It has the cause, for observers, only if that is a limit of the
// operator's: the code says everything about others.
func failed(err error) error {
	var limit *cm.LimitError
	if errors.As(err, &limit) {
		return cm.FailFor(errorCode(err), err)
	}
	return cm.Fail(errorCode(err))
}

// fromErrorCode converts the error of a guest's handler.
func fromErrorCode(c ErrorCode) *wasihttp.Error { return wasihttp.ErrorOf(LowerErrorCode(c)) }

// headerError converts an error of fields. Fields over the operator's limit are a trap: WASI 0.2 has no error for them.
func headerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, wasihttp.ErrInvalidSyntax):
		return cm.Fail(HeaderErrorInvalidSyntax())
	case errors.Is(err, wasihttp.ErrForbidden):
		return cm.Fail(HeaderErrorForbidden())
	case errors.Is(err, wasihttp.ErrImmutable):
		return cm.Fail(HeaderErrorImmutable())
	case errors.Is(err, wasihttp.ErrFieldsSize):
		return cm.Trapf(cm.TrapHeaders, "%w", err)
	}
	return wasiio.Misuse("%w", err)
}

// emptyError is the error of result<T>, which has no payload.
func emptyError() error { return cm.Fail(struct{}{}) }

// toEmptyError is emptyError if err is an error.
func toEmptyError(err error) error {
	if err != nil {
		return cm.FailFor(struct{}{}, err)
	}
	return nil
}
