package filesystemp3

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem/internal/common"
)

// Add defines wasi:filesystem for guests that find these folders open.
func Add(l *component.Linker, p *filesystem.Preopens) {
	AddTypes(l)
	AddPreopens(l, preopens{p})
}

type preopens struct{ *filesystem.Preopens }

// GetDirectories opens the folders anew.
func (p preopens) GetDirectories(ctx context.Context) ([]cm.Tuple2[Descriptor, string], error) {
	return common.GetDirectories(ctx, p.Preopens, wrap)
}

var errorCodes = func() map[filesystem.Code]ErrorCodeTag {
	m := map[filesystem.Code]ErrorCodeTag{}
	for c := range ErrorCodeTagOther {
		m[filesystem.Code(c.String())] = c
	}
	return m
}()

// errorCode converts an error of the capability; others are an error of the system.
func errorCode(err error) ErrorCode {
	c, _ := filesystem.CodeOf(err)
	if tag, ok := errorCodes[c]; ok {
		return ErrorCode{Tag: tag}
	}
	return ErrorCodeIO()
}

// failure turns an error of the capability into one that the guest sees; other errors are the host's.
func failure(err error) error {
	var fe *filesystem.Error
	if errors.As(err, &fe) {
		return cm.FailFor(errorCode(fe), fe)
	}
	return err
}
