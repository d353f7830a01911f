// Package workload is a workload's specification, grants, limits and states as plain data, independent of the form (manifest,
// command line) that they were read from.
package workload

import (
	"cmp"
	"slices"
	"time"
)

// ID names a workload that a host runs: "namespace/name".
type ID string

// Spec is one workload. Zero values mean defaults, which a host fills in.
type Spec struct {
	Name, Namespace, Version string
	Components               []Component
	Triggers                 []TriggerSpec
	Services                 []Service

	// Labels and Annotations are for Kubernetes; a host does not use them.
	Labels, Annotations map[string]string
	// Cluster is for Kubernetes; a host does not use it.
	Cluster Cluster
	// Artifact is what the reference of the workload's own artifact stood for, whose Component is empty; nil: the workload is from a file.
	Artifact *ImageStatus
}

// Cluster is how Kubernetes runs a workload. Zero values mean defaults, which who runs it there fills in.
type Cluster struct {
	Replicas                 *int
	Placement                string
	MaxSurge, MaxUnavailable *int
	RolloutDeadline          time.Duration
}

// VersionLabel is the label in which Kubernetes keeps a version.
const VersionLabel = "app.kubernetes.io/version"

// Component is one component of a workload.
type Component struct {
	Name        string
	Source      Source
	Links       map[string]string // import → component
	Environment map[string]string
	Args        []string // for commands
	Config      map[string]string
	Features    []string // unsettled parts of the Component Model that it may use: threads, stackful, error-context
	Grants      Grants
	Limits      Limits
	Instances   Instances
	Detail      string // invocation, boundary, all
	Build       Build

	// GuestTelemetry says whether what the component records itself (wasi:otel) is taken: on, which is the default, or off. A
	// component does not notice the difference.
	GuestTelemetry string
	// Lines says how lines of standard output and error that are JSON objects are taken: json, by their level, message and fields, which is the
	// default, or text, as they are.
	Lines string
}

// Build is how a component's source file is built. A host does not read it.
type Build struct {
	Command     []string   // the command and its arguments; none: the file is not built
	Before      [][]string // commands that run before it, and after it
	After       [][]string
	Folder      string // where they run, resolved against the manifest's folder
	Environment map[string]string
	Needs       []string // components that are built before
	// Watch are patterns of the files that it is made from, from Folder; none: all files there.
	Watch []string
}

// Source is where a component's bytes come from.
type Source struct {
	File  string // path, resolved against the manifest's folder
	Image string // reference of an artifact in a registry, in place of File
	// Key is a file with public keys, PEM: the component is used if one of them has signed the image. Empty: it is not checked.
	Key string
}

// Grants are what a component may access; the zero value grants nothing.
type Grants struct {
	HTTP    []string // destinations: scheme://host[:port], host may be *
	Files   []FileGrant
	Sockets SocketGrants
	// Keyvalue and Blobstore choose the backend of a bucket or a container, by its name in the guest. The name default means the
	// bucket that is opened without a name, and all containers that no other grant names. Without grants of a kind, the plugin's
	// first backend serves default.
	Keyvalue, Blobstore map[string]StoreGrant
	// SQLite are the databases that the guest may open, by the names that it opens them by. Without grants there is one, default, in the
	// plugin's first backend.
	SQLite map[string]StoreGrant
	// Postgres are the PostgreSQL databases that the guest may open: by a name that it opens one by, or by the address of a server,
	// postgres://HOST:PORT or postgres://HOST:PORT/DATABASE, which stands for all addresses of that server, or database. wasmcloud:postgres has the
	// one named default. Data and Scope mean nothing there. Without grants there is none.
	Postgres map[string]StoreGrant
	// Messaging are the brokers by which the component may send and receive messages, by their subjects: orders.new, or with wildcards
	// between the dots, * for one text and > for all that follow. Data and Scope mean nothing there. Without grants it may do neither.
	Messaging map[string]StoreGrant
	// Redis are the servers that the guest may use by the interfaces for Redis, by the names or addresses that it gives: cache, or
	// redis://cache:6379, which stands for all databases of the server. Data and Scope mean nothing there. Without grants there is none.
	Redis map[string]StoreGrant
	// MQTT are the brokers that the guest may use by the interfaces for MQTT, as Redis.
	MQTT map[string]StoreGrant
	// Secrets are the places of the secrets that the guest may see, by its names for them.
	Secrets map[string]Secret
}

// StoreGrant grants a bucket or a container, in a backend of the program or in one that the grant configures itself.
type StoreGrant struct {
	Backend string // the name of a backend of the program; empty, without a Type: its first one
	Type    string // of the backend that the grant configures, a BackendType.Name; empty: none
	Config  any    // the type's own settings: plain data, of the Go type of BackendType.Config
	// State is the folder that the data is kept in because the document names no backend: Type and Config are those of BackendType.State.
	// Empty where it names one, or where the plugin has no such type.
	State string
	// Data is what becomes of the stored data when the workload has ended: "keep" leaves it to the next workload of the same namespace and
	// name, which the backend must support, "drop" deletes it. Empty is keep where the grant has a Type, and drop elsewhere.
	Data string
	// Scope is whose data it is: "component", or "workload" for all components of the workload that have such a grant. Empty: component.
	Scope string
}

// Keeps says whether the data outlives the workload.
func (g *StoreGrant) Keeps() bool { return g.Data == "keep" || g.Data == "" && g.Type != "" }

// FileGrant grants a host folder to a guest.
type FileGrant struct {
	Host, Guest string
	ReadOnly    bool
}

// SocketGrants are addresses "host:port", host or port may be *.
type SocketGrants struct{ Connect, Listen []string }

// Instances is how instances are made and reused.
type Instances struct {
	Isolation   string // fresh, snapshot, reuse; empty: reuse if several calls may be inside an instance at once, else fresh
	Max         int
	Queue       int
	Ready       *int // instances made before the first event, and kept; nil: 1 if a trigger of the workload calls the component
	Concurrency int  // with reuse: invocations at once in one instance
	Uses        int  // with reuse: invocations of an instance in all
	Idle        time.Duration
}

// TriggerSpec is one trigger: a type of event, and the component that it calls.
type TriggerSpec struct {
	Type      string // the name of its TriggerType: "http"
	Component string // empty where TriggerType.Alone says so
	// Chain are components that an event passes through before it comes to Component, the first one first. Each calls the next by
	// the interface that it is called by itself. All of them run in one instance, as linked components do; see [Limits].
	Chain []string
	// Config is the type's own settings: plain data, of the Go type of TriggerType.Config; may be nil.
	Config any
}

// Service is a component that runs for as long as its workload: its wasi:cli/run is called when the workload starts, in an instance of its
// own, and again, in a new one, when a run has ended and Restart says so. limits.deadline and limits.fuel do not bound a run; they
// bound the requests that a service with a handler serves. Zero values mean defaults.
type Service struct {
	Component string
	// Restart says after which runs there is another one: on-failure (a trap, an error, an exit status other than 0), which is the
	// default, always or never.
	Restart string
	// MaxRestarts is how many restarts may follow each other without a good run; one more failure, and the service has failed.
	// Nil: any number.
	MaxRestarts *int
	// Backoff is how long the service waits before the first restart: about, because half of it is random. It doubles with each restart, up
	// to MaxBackoff. 0: DefaultBackoff, DefaultMaxBackoff.
	Backoff, MaxBackoff time.Duration
	// GoodRun is how long a run has to be for the count of restarts and the backoff to begin anew; 0: DefaultGoodRun.
	GoodRun time.Duration
}

// The values of Service.Restart.
const (
	RestartOnFailure = "on-failure"
	RestartAlways    = "always"
	RestartNever     = "never"
)

// What a Service leaves open.
const (
	DefaultBackoff    = 500 * time.Millisecond
	DefaultMaxBackoff = time.Minute
	DefaultGoodRun    = time.Minute
)

// Filled is s with the defaults in place of zeros. MaxBackoff is Backoff at least.
func (s Service) Filled() Service {
	s.Restart = cmp.Or(s.Restart, RestartOnFailure)
	setDefault(&s.Backoff, DefaultBackoff)
	setDefault(&s.MaxBackoff, DefaultMaxBackoff)
	setDefault(&s.GoodRun, DefaultGoodRun)
	s.MaxBackoff = max(s.MaxBackoff, s.Backoff)
	return s
}

// ServiceState is the state of a service.
type ServiceState string

// States of services. Completed and Failed are final: there is no other run. A service that has Stopped was ended with its workload.
const (
	ServiceStarting   ServiceState = "starting"    // its instance is being made
	ServiceRunning    ServiceState = "running"     // the guest runs
	ServiceBackingOff ServiceState = "backing off" // a run has ended, and the next one is waited for
	ServiceStopping   ServiceState = "stopping"    // the guest was told to end
	ServiceStopped    ServiceState = "stopped"
	ServiceCompleted  ServiceState = "completed" // the last run has ended well
	ServiceFailed     ServiceState = "failed"    // the last run has failed, and there have been all the restarts that may be
)

// Ended says whether no run follows.
func (s ServiceState) Ended() bool {
	return s == ServiceCompleted || s == ServiceFailed || s == ServiceStopped
}

// ServiceStatus is a service's state now.
type ServiceStatus struct {
	Component string
	State     ServiceState
	Reason    string    // why the last run ended; empty if it ended well, or none has ended
	Restarts  int       // since the workload has started
	Since     time.Time // when it came into the state
	Next      time.Time // of a service that is backing off: when the next run begins
}

// State is a workload's state.
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
	// Services are those of the workload, in its order. Who has a Status must not change them.
	Services []ServiceStatus
	// Backends are those that serve the grants of the workload's components while it runs, in no order; see Services. A workload of which one is
	// down runs on, and its calls of the backend fail.
	Backends []BackendStatus
	// Images are those that components came from, and the workload's own artifact, if it has one, in no order; see Services.
	Images []ImageStatus
}

// ImageStatus is what the reference of a component's image, or of a workload's artifact, stood for when the workload was started.
type ImageStatus struct {
	Component string // empty: the workload's own artifact
	Image     string // as the workload names it, or who has started the workload
	Exact     string // with its digest: host/repository@sha256:…
	Key       string // the fingerprint of the key by which it is signed, where the workload asks for one
}

// Usable says whether the workload is running and none of its backends is down: whether it can serve all that it is for.
func (s *Status) Usable() bool {
	return s.State == Running && !slices.ContainsFunc(s.Backends, func(b BackendStatus) bool { return b.State.Down() })
}

// BackendStatus is the state of a backend that serves a grant of a component.
type BackendStatus struct {
	Component string
	Kind      string // the key of the grants: keyvalue, blobstore, sqlite, messaging
	Grant     string // the name in the grants: a bucket, a subject
	Backend   string // the name or the type of the backend: redis
	State     BackendState
}

// BackendState is whether a backend could be used when it was last called, or when its connection has changed. The zero BackendState is that
// of one that has never failed.
type BackendState struct {
	Error string    // why it is down, one of the constants below; empty: it is up
	Since time.Time // when that came to be; zero: since the start
}

// Why a backend is down.
const (
	BackendConnection  = "connection"  // it cannot be reached, or the connection broke
	BackendTimeout     = "timeout"     // it did not answer in time
	BackendDNS         = "dns"         // its name has no address
	BackendTLS         = "tls"         // its certificate, or the handshake
	BackendDenied      = "denied"      // it does not know the account
	BackendStorage     = "storage"     // of a file or folder: the disk
	BackendUnavailable = "unavailable" // it answers that it cannot serve
)

// BackendStates are the texts of all states.
var BackendStates = []string{"up", BackendConnection, BackendTimeout, BackendDNS, BackendTLS, BackendDenied, BackendStorage, BackendUnavailable}

// Down says whether the backend cannot be used.
func (s BackendState) Down() bool { return s.Error != "" }

// String is "up", or why it is down.
func (s BackendState) String() string { return cmp.Or(s.Error, "up") }

// Event is one change of state, of the workload or of one of its services.
type Event struct {
	Status
	Time time.Time
}
