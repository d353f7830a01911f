// Package cm is the public vocabulary of the Component Model: values, types, resources, boundaries, calls and traps.
// It holds no engine. Host functions, interceptors, plugins and embedders speak it; package component wires it up.
//
// A [Boundary] is one function edge of a linked component, a [Call] one crossing of it. An [Interceptor] is asked once
// per boundary, when the component is linked, and sees every crossing from then on.
package cm
