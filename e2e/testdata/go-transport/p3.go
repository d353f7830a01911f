//go:build p3

package main

import (
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/serve"
)

type (
	transport = p3.Transport
	failure   = p3.Error
)

func init() { serve.Handle(nil) }
