package filesystemp2

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem/internal/common"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Add defines wasi:filesystem for guests that find these folders open.
func Add(l *component.Linker, p *filesystem.Preopens) {
	AddTypes(l, host{})
	AddPreopens(l, preopens{p})
}

type preopens struct{ *filesystem.Preopens }

// GetDirectories opens the folders anew.
func (p preopens) GetDirectories(ctx context.Context) ([]cm.Tuple2[Descriptor, string], error) {
	return common.GetDirectories(ctx, p.Preopens, wrap)
}

type host struct{}

func (host) FilesystemErrorCode(_ context.Context, e iop2.Error) (*ErrorCode, error) {
	code, ok := filesystem.CodeOf(iop2.Cause(e))
	if !ok {
		return nil, nil
	}
	c := errorCode(code)
	return &c, nil
}

var errorCodes = func() map[filesystem.Code]ErrorCode {
	m := map[filesystem.Code]ErrorCode{}
	for c := range ErrorCodeCrossDevice + 1 {
		m[filesystem.Code(c.String())] = c
	}
	return m
}()

func errorCode(c filesystem.Code) ErrorCode {
	if e, ok := errorCodes[c]; ok {
		return e
	}
	return ErrorCodeIO
}

// failure turns an error of the capability into one that the guest sees; other errors are the host's.
func failure(err error) error {
	var fe *filesystem.Error
	if errors.As(err, &fe) {
		return cm.FailFor(errorCode(fe.Code), fe)
	}
	return err
}
