package filesystemp2

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Add defines wasi:filesystem for guests that find these folders open. Each may have most files and directories open at a
// time; 0 is filesystem.MaxOpen.
func Add(l *component.Linker, preopens []filesystem.Preopen, most int) {
	AddTypes(l, host{})
	AddPreopens(l, &granted{preopens, most})
}

type granted struct {
	folders []filesystem.Preopen
	most    int
}

// GetDirectories gives those of the folders that may still be open: there is no error for it to say that it is too many.
func (g *granted) GetDirectories(ctx context.Context) ([]cm.Tuple2[Descriptor, string], error) {
	// One quota for all that the store opens, however often it asks for its folders.
	quota := component.StoreValue(ctx, g, func() any { return filesystem.NewQuota(g.most) }).(*filesystem.Quota)
	dirs := make([]cm.Tuple2[Descriptor, string], 0, len(g.folders))
	for _, p := range g.folders {
		d, err := p.Open(quota)
		if code, ok := filesystem.CodeOf(err); ok && code == filesystem.CodeNoMemory {
			cm.NoteCause(ctx, err)
			break
		}
		if err != nil {
			for _, opened := range dirs {
				opened.F0.(descriptor).d.Close()
			}
			return nil, fmt.Errorf("preopened folder %s: %w", p.Guest, err)
		}
		dirs = append(dirs, cm.Tuple2[Descriptor, string]{F0: descriptor{d}, F1: p.Guest})
	}
	return dirs, nil
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
