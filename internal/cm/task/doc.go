// Package task is the concurrency of the Component Model without WebAssembly: a store's scheduler and its threads, the
// tasks that calls into component instances are, the subtasks that their callers hold, what can be waited for, and streams
// and futures. It follows CanonicalABI.md and Concurrency.md of WebAssembly/component-model
// @231f3d5ff7ef17a56d4617ac26ba40cf541c9ac6, whose names it has: §Thread State, §Task State, §Waitable State, §Subtask
// State, §Buffer State, §Stream State and §Future State. Package instance runs guests by it.
//
// Exactly one goroutine of a store runs at a time: the one that has the baton ([Sched]). Everything in this package but
// [Sched.Post], [Sched.Enter] and [Sched.TryEnter] is for the goroutine that has it. A thread that blocks keeps its
// goroutine, with the guest's frames on it, and hands the baton on.
//
// What belongs to "the current call" hangs on its [Context] and nothing on the instance, so that calls which interleave in
// one instance never see each other's.
package task
