module go-helpers

go 1.26.0

require github.com/vitrine-wasm/vitrine/sdk/go v0.0.0

replace github.com/vitrine-wasm/vitrine/sdk/go => ../../../sdk/go
