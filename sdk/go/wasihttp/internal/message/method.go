package message

import (
	"strings"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
)

// MethodName is a method as HTTP spells it.
func MethodName(m bindings.Method) string {
	if m.Tag == bindings.MethodTagOther {
		return m.Other
	}
	return strings.ToUpper(m.Tag.String())
}

// MethodOf is the reverse of MethodName.
func MethodOf(name string) bindings.Method {
	for tag := bindings.MethodTagGet; tag < bindings.MethodTagOther; tag++ {
		if m := (bindings.Method{Tag: tag}); MethodName(m) == name {
			return m
		}
	}
	if name == "" {
		return bindings.MethodGet()
	}
	return bindings.MethodOther(name)
}
