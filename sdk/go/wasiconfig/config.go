package wasiconfig

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasiconfig/internal/bindings"
)

// ErrNoHost is the error outside of a component.
var ErrNoHost = errors.New("wasiconfig: there is no host: the program is not a component")

// Error is why the host could not read the configuration.
type Error struct {
	Code   string // as wasi:config has it: "upstream" for where the values come from, "io" for the way there
	Detail string // for people; may be empty
}

// Error is the code, with the detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return "wasiconfig: " + e.Code
	}
	return "wasiconfig: " + e.Code + ": " + e.Detail
}

// Get is the value of a key, and whether it has one. An error of the host is an [*Error].
func Get(key string) (value string, found bool, err error) {
	if !cabi.InComponent {
		return "", false, ErrNoHost
	}
	got, err := bindings.StoreGet(key)
	if err != nil || got == nil {
		return "", false, failure(err)
	}
	return *got, true, nil
}

// All are the keys with their values, without secrets. An error of the host is an [*Error].
func All() (map[string]string, error) {
	if !cabi.InComponent {
		return nil, ErrNoHost
	}
	list, err := bindings.StoreGetAll()
	if err != nil {
		return nil, failure(err)
	}
	all := make(map[string]string, len(list))
	for _, kv := range list {
		all[kv.F0] = kv.F1
	}
	return all, nil
}

// failure is an error of the bindings as an *Error, if it is the host's.
func failure(err error) error {
	var failed *cabi.Error[bindings.Error]
	if !errors.As(err, &failed) {
		return err
	}
	e := &Error{Code: failed.Value.Tag.String(), Detail: failed.Value.Upstream}
	if failed.Value.Tag == bindings.ErrorTagIO {
		e.Detail = failed.Value.IO
	}
	return e
}
