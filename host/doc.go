// Package host starts workloads: it links their components, binds the plugins that their grants allow, attaches their
// triggers, and owns the pool of instances that invocations run in.
package host
