//go:build wasip1

// The guest go-shapes exports what it imports: each function calls the host's of its name. It is a test of bindings inside components.
package main

import (
	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/internal/shapes/bindings"
)

func init() { bindings.ExportShapesExport(echo{}) }

func main() {}

type echo struct{}

func (echo) Numbers(a bool, b int8, c uint8, d int16, e uint16, f int32, g uint32, h int64, i uint64, j float32, k float64, l rune) cabi.Tuple7[bool, int8, uint8, int16, uint16, int32, cabi.Tuple6[uint32, int64, uint64, float32, float64, rune]] {
	return bindings.ShapesNumbers(a, b, c, d, e, f, g, h, i, j, k, l)
}

func (echo) One(x bindings.Any) bindings.Any { return bindings.ShapesOne(x) }

func (echo) Many(x bindings.Any, y *bindings.Any, z bindings.Color, n *bindings.Nine) cabi.Tuple4[bindings.Any, *bindings.Any, bindings.Color, *bindings.Nine] {
	return bindings.ShapesMany(x, y, z, n)
}

func (echo) Lists(x []bindings.Mixed, y bindings.Grid, z []*cabi.Result[string, float64]) cabi.Tuple3[[]bindings.Mixed, bindings.Grid, []*cabi.Result[string, float64]] {
	return bindings.ShapesLists(x, y, z)
}

func (echo) Fallible(x cabi.Result[string, bindings.Any]) (string, error) {
	return bindings.ShapesFallible(x)
}

func (echo) Negative(x int8) int8 { return bindings.ShapesNegative(x) }

func (echo) Bytes(x []byte) []byte { return bindings.ShapesBytes(x) }

func (echo) Check(x *bindings.Color) error { return bindings.ShapesCheck(x) }
