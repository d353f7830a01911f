// Package cm is the public vocabulary of the Component Model. It holds no engine: host functions, interceptors, plugins and
// embedders speak it, and package component links and runs components with it. It has two parts.
//
// # Values and types
//
// A [Type] is a type of WIT, a [Val] a value of one, a [Resource] what handles refer to. [FromGo], [ToGo] and [GoHostFunc] convert
// between values and ordinary Go values; the result types of generated bindings are [Result] and [Tuple2] with its siblings. The host's
// ends of streams and futures are [StreamReader], [StreamWriter], [FutureReader] and [FutureWriter], over a [Conduit]. Files: val.go,
// type*.go, equal.go, resource.go, object.go, result.go, tuple.gen.go, govalue*.go, stream*.go, future.go, hostend.go and conduit.go.
// What only generated bindings call is in package cm/bind.
//
// # Borders
//
// A [Boundary] is one function edge of a linked component, a [Call] one crossing of it. An [Interceptor] is asked once per boundary,
// when the component is linked. Its [Hooks] see every crossing from then on, and how each ended: an [End], with a [Trap] or another error.
// An [Operation] is a step in the life of a component. A [HostDef] is a function of the host's. Files: boundary.go,
// hooks.go, call.go, started.go, crossing.go, operation.go, hostfunc.go, trap.go, ended.go, cause.go, limit.go and account.go.
//
//go:generate go run ./internal/tuplegen tuple.gen.go
package cm
