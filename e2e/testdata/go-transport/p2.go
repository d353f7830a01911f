//go:build !p3

package main

import (
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/serve"
)

type (
	transport = wasihttp.Transport
	failure   = wasihttp.Error
)

func init() { serve.Handle(nil) }
