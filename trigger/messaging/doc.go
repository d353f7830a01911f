// Package messaging brings the messages of a subject to a component, one invocation each: it calls wasmcloud:messaging/handler, of 0.3.0
// or 0.2.0.
//
// The broker is that of the component's grant of the subject. Up to Subscription.Concurrency messages are under way at once, and no more are
// taken from the broker: what waits, waits there. A plain subscription has no such place: the process keeps a bounded number of its
// messages, loses those beyond them, and says so.
//
// A message is done when the handler has returned. One that it did not handle (an error, a trap, a deadline) comes again if the subscription is
// durable, after a time that doubles with each attempt, until Subscription.Attempts; a handler of 0.3.0 that answers reject gets it no more. In
// a plain subscription each message comes once. What was given up goes to Subscription.DeadLetter, if that is set, with its body, its
// fields and the fields vitrine-subject, vitrine-reason and vitrine-attempts. When the host stops, messages whose handlers were cut come again.
//
// A broker that is down keeps no workload from starting: the trigger subscribes when it is up.
package messaging
