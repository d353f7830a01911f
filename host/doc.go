// Package host starts workloads: it links their components, binds the plugins that their grants allow, attaches their
// triggers, and makes the pools of instances that invocations run in.
//
// [Local] is the host of this process. It runs a [workload.Spec]; plugins define the imports of its components; triggers
// pass each event to the host's [Invoker]. An invocation is one event on its way through one instance of a [component.Pool]: the event's
// boundary is entered, a seat is taken, the trigger's work runs in the instance, the trigger learns how it ended, and the boundary is
// left. All telemetry of an event is made at that boundary; nothing here opens a span.
//
// What guests write is framed by the [Lines] of its component and goes to the console and to the component's observer, each line
// in the context of the call that completed it.
//
// Everything that a start makes is released when the workload is stopped: its observers, what plugins have bound, linked components,
// instances. Of a workload that has ended the host keeps its status only.
package host
