// Package async runs Go inside components of WASI 0.3: each call of an asynchronous function that the component exports is a task of the Component Model, and
// runs on goroutines. It takes the standard toolchain alone. Bindings that `bindgen --component` writes call it; programs use contexts, streams
// and futures, and [Sleep].
//
// # Tasks and goroutines
//
// The host enters the component with a call ([Start]) or with an event for one ([Resume]). The component runs until every goroutine waits, and
// then returns to the host, with what the task waits for. So a goroutine may wait for the host, in a call, a stream or a future, while the instance serves other
// tasks, and for other goroutines by channels and mutexes.
//
// A goroutine belongs to the task whose goroutine began it, and calls the host in the name of that task: one that a goroutine of another task has
// woken waits in its next call of the host until its own task runs. A goroutine of no task, or of one that has ended, calls the host in the name of the task
// that runs.
//
// A task ends when its function has returned, the functions that it has given to [Go] have, and none of its goroutines waits for the host any more. Its context is
// cancelled then, and when the caller cancels the call. Other goroutines go on while the instance runs, but the host does not wait for them.
//
// # Synchronous functions
//
// A synchronous function that the component exports may wake goroutines of tasks, by a channel say: they go on before it returns, up to their next call of the host, for
// which the host then
// calls back their task. It cannot wait for the host itself, and panics if it tries to; what it begins by [Go] belongs to no task.
//
// # Timers
//
// Timers of package time work: while all goroutines wait, the host wakes the instance when the next one is due. Go tells nobody whose timer that is, so a goroutine
// that waits by time.Sleep may wake while another task runs; what it prints by then, which is no call of a binding, the host takes for that task's. Sleep has no
// such exception.
//
// # Threads
//
// There is one thread, as GOOS=wasip1 has it. Ends of streams and futures are for one goroutine at a time each.
//
// Outside of a component (any GOOS but wasip1) all that calls the host panics with cabi.NoHost.
package async
