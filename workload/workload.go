// Package workload is what YAML, CRD, wire and command line all mean by a workload: its specification, grants, states
// and events, as plain data.
package workload

import "time"

// ID names a workload that a host runs: "namespace/name".
type ID string

// Spec is one workload, complete: defaults filled in, nothing left to look up but the artifacts.
type Spec struct {
	Name, Namespace, Version string
	Components               []Component
	Triggers                 []TriggerSpec
	Services                 []Service

	// What a host does not read, and keeps: for Kubernetes.
	Labels, Annotations map[string]string
}

// Component is one component of a workload.
type Component struct {
	Name        string
	Source      Source
	Links       map[string]string // import → component
	Environment map[string]string
	Args        []string // for commands
	Config      map[string]string
	Grants      Grants
	Limits      Limits
	Instances   Instances
	Detail      string // invocation, boundary, all
	Build       Build  // nothing runs it yet
}

// Build says how a component's source file is made.
type Build struct{ Command, Watch []string }

// Source says where a component's bytes come from.
type Source struct {
	File  string // path, resolved against the manifest's folder
	Image string
}

// Grants are what a component may do; the zero value is nothing.
type Grants struct {
	HTTP    []string // destinations: scheme://host[:port], host may be *
	Files   []FileGrant
	Sockets SocketGrants
	// Keyvalue and Blobstore say which backend serves a bucket or a container, by its name in the guest. The name default
	// stands for the bucket that is opened without a name, and for all containers that no other grant names. Without any of a
	// kind, the plugin's first backend serves default.
	Keyvalue, Blobstore map[string]StoreGrant
}

// StoreGrant gives what a backend stores.
type StoreGrant struct {
	Backend string // by its name in the plugin
	// Keep leaves what the component has stored to the next workload of the same namespace and name. The backend must be one
	// that can; without Keep, it is gone when the workload has ended.
	Keep bool
}

// FileGrant gives a host folder to a guest.
type FileGrant struct {
	Host, Guest string
	ReadOnly    bool
}

// SocketGrants are addresses "host:port", host or port may be *.
type SocketGrants struct{ Connect, Listen []string }

// Instances says how instances are made and reused.
type Instances struct {
	Isolation   string // fresh, snapshot, reuse
	Max         int
	Queue       int
	Ready       *int // made before events come, and kept; nil: 1 where a trigger of the workload reaches the component
	Concurrency int
	Uses        int
	Idle        time.Duration
}

// TriggerSpec is one trigger: events of a type, and the component that they reach.
type TriggerSpec struct {
	Type      string // of the trigger that serves it: "http"
	Component string
	// Config is what only triggers of the type read: plain data, of the Go type that their TriggerType has for it. Nil where
	// there is nothing to say.
	Config any
}

// Service is a long-lived component.
type Service struct{ Component string }

// State is where a workload stands.
type State string

// States.
const (
	Starting State = "starting"
	Running  State = "running"
	Draining State = "draining"
	Stopped  State = "stopped"
	Failed   State = "failed"
)

// Status is a workload's state now.
type Status struct {
	ID     ID
	State  State
	Reason string
	Since  time.Time
}

// Event is one change of state.
type Event struct {
	Status
	Time time.Time
}
