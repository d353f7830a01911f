// Package component runs components: an [Engine] loads them, a [Linker] gives them what they import, and an [Instance]
// is a running one whose exports can be called.
//
//	engine, _ := component.NewEngine(ctx)
//	c, _ := engine.Load(ctx, "adder", wasm)
//	linker := engine.NewLinker(nil)
//	linked, _ := linker.Link(ctx, c)
//	inst, _ := linked.Instantiate(ctx)
//	sum, _ := inst.Call(ctx, "docs:adder/add@0.1.0#add", uint32(1), uint32(2))
//
// Each Instantiate makes a store, with instances, handles and limits of its own. Exactly one
// goroutine at a time may be inside a store; different stores run in parallel.
package component
