// Package host starts workloads: it links their components, binds the plugins that their grants allow, attaches their
// triggers, and makes the pools of instances that invocations run in.
//
// [Local] is the host of this process. What it runs is a [workload.Spec]; what its components import is given by
// plugins; what calls them comes from triggers, which hand each event to the host's [Invoker]. An invocation is one event
// on its way through one instance of a [component.Pool]: the event's boundary is entered, a seat is taken, the trigger's work runs in
// the instance, the trigger is told how it ended, and the boundary is left. Everything that telemetry knows of an event it learns
// at that boundary; nothing here opens a span.
//
// What guests write is framed by the [Lines] of its component and goes to the console and to the component's observer, each line
// in the context of the call that completed it.
//
// What a start makes is let go when the workload is stopped: its observers, what plugins have bound, linked components,
// instances. Of a workload that has ended the host knows its status and nothing else.
package host
