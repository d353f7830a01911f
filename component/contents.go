package component

// Contents is what is in an instance at a moment: what its guests have numbers for and have not dropped, of all component instances in
// it together, and what goes on. Of an instance that nobody uses all of it is what its guests keep, or leak.
type Contents struct {
	Resources, Streams, Futures int  // handles of resources; ends of streams and futures
	Waitables                   int  // subtasks and waitable sets
	Errors                      int  // error contexts
	Calls                       int  // from the host, whose tasks have not ended
	Invocations                 int  // uses of the instance that have not ended: see Use
	Inside                      bool // whether a task has not ended, or waits to enter a component instance
}

// Handles is how many elements the handle tables have.
func (c Contents) Handles() int {
	return c.Resources + c.Streams + c.Futures + c.Waitables + c.Errors
}

// Contents counts what is in the instance. It waits until guest code that runs in it blocks or ends. Safe for concurrent use.
func (i *Instance) Contents() Contents {
	c := i.store.Contents()
	return Contents{Resources: c.Resources, Streams: c.Streams, Futures: c.Futures, Waitables: c.Subtasks + c.Sets, Errors: c.Errors,
		Calls: c.Calls, Invocations: c.Invocations, Inside: c.Inside}
}
