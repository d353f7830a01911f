// Package bindings is what the example imports besides what the SDK does: secrets.
package bindings

//go:generate go run -C ../../../.. ./bindgen/cmd/bindgen --component --no-shipped --wit plugin/secrets/wit,examples/controller/wit --bind example:controller/secrets --out examples/controller/internal/bindings
