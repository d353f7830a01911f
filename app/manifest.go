package app

// The manifest's types. The yaml tag gives the key, and ",required" after it; enum lists the values, "|" between them;
// doc is the schema's description; min is the least number. What lies in a field with secret is in no error.
// What the format has and this version does not do yet is marked later, a key by "*" and values by themselves: it is read, so that a
// mistake can say so, and offered nowhere.

// APIVersion and Kind are what every manifest says of itself.
const (
	APIVersion = "vitrine.dev/v1alpha1"
	Kind       = "Workload"
)

// Manifest is a vitrine.yaml.
type Manifest struct {
	APIVersion string   `yaml:"apiVersion,required" enum:"vitrine.dev/v1alpha1" doc:"The version of this format."`
	Kind       string   `yaml:"kind,required" enum:"Workload" doc:"What the file describes."`
	Metadata   Metadata `yaml:"metadata,required" doc:"How the workload is called."`
	Spec       Body     `yaml:"spec,required" doc:"What runs."`
}

// Metadata names a workload.
type Metadata struct {
	Name        Name              `yaml:"name,required" doc:"The workload's name."`
	Namespace   Name              `yaml:"namespace" doc:"The namespace; service.namespace in telemetry."`
	Version     string            `yaml:"version" doc:"The workload's version; service.version in telemetry."`
	Labels      map[string]string `yaml:"labels" secret:"true" doc:"For Kubernetes; a host does not read them."`
	Annotations map[string]string `yaml:"annotations" secret:"true" doc:"For Kubernetes; a host does not read them."`
}

// Body is the manifest's spec.
type Body struct {
	Components []Component `yaml:"components,required" doc:"The components of the workload."`
	Triggers   []Trigger   `yaml:"triggers" doc:"What calls the components."`
	Services   []Service   `yaml:"services" later:"*" doc:"Long-lived components."`
}

// Component is one component.
type Component struct {
	Name        Name              `yaml:"name,required" doc:"Unique in the workload; service.name in telemetry."`
	Source      Source            `yaml:"source,required" doc:"Where the component's bytes come from."`
	Build       Build             `yaml:"build" doc:"How the source file is made; nothing runs it yet."`
	Links       map[string]Name   `yaml:"links" doc:"Import to component: which component of the workload serves it. All other imports are served by plugins."`
	Environment map[string]string `yaml:"environment" secret:"true" doc:"Environment variables of the guest."`
	Args        []string          `yaml:"args" secret:"true" doc:"Arguments of a command."`
	Config      map[string]string `yaml:"config" secret:"true" doc:"Values of wasi:config."`
	Grants      Grants            `yaml:"grants" doc:"What the component may do. Nothing is granted that is not written here."`
	Limits      Limits            `yaml:"limits" doc:"Bounds of one instance."`
	Instances   Instances         `yaml:"instances" doc:"How instances are made."`
	Telemetry   Telemetry         `yaml:"telemetry" doc:"What is shown of the component."`
}

// Source says where bytes come from: exactly one field is set.
type Source struct {
	File  string `yaml:"file" doc:"A file, from the manifest's folder."`
	Image string `yaml:"image" later:"*" doc:"An OCI image with its digest: host/repo@sha256:…"`
}

// Build says how a source file is made.
type Build struct {
	Command []string `yaml:"command" doc:"The command and its arguments."`
	Watch   []string `yaml:"watch" doc:"Patterns of the files that it is made from."`
}

// Grants are what a component may do.
type Grants struct {
	HTTP    []HTTPGrant  `yaml:"http" doc:"Destinations of outgoing requests."`
	Files   []FileGrant  `yaml:"files" doc:"Folders of the host."`
	Sockets SocketGrants `yaml:"sockets" doc:"TCP and UDP addresses."`
}

// FileGrant gives a folder.
type FileGrant struct {
	Host   string `yaml:"host,required" doc:"The folder on the host, from the manifest's folder."`
	Guest  string `yaml:"guest,required" doc:"What the guest calls it."`
	Access string `yaml:"access" enum:"read|write" doc:"What the guest may do in it; read unless it says write."`
}

// SocketGrants give addresses.
type SocketGrants struct {
	Connect []SocketGrant `yaml:"connect" doc:"Addresses that may be connected or sent to."`
	Listen  []SocketGrant `yaml:"listen" doc:"Addresses that may be listened on."`
}

// Limits bound what a component may use; see [workload.Limits].
type Limits struct {
	Memory    Size     `yaml:"memory" doc:"All linear memories of an instance together; default 1Gi."`
	Deadline  Duration `yaml:"deadline" doc:"The longest that one invocation may take; default 30s, none for a command."`
	Stack     Size     `yaml:"stack" doc:"Stack of an instance's calls, nested calls together; default 128Mi, at least 64Ki, at most 1Gi."`
	Tables    int      `yaml:"tables" min:"1" max:"4294967295" doc:"Elements of all tables of an instance together; default 10 million."`
	Fuel      Count    `yaml:"fuel" doc:"Guest work of one invocation, in loop iterations and function entries; default 100G, unbounded for a command."`
	CallDepth int      `yaml:"callDepth" min:"1" max:"10000" doc:"Nested calls between components; default 100."`
	Handles   int      `yaml:"handles" min:"1" max:"268435455" doc:"Resources that a component instance holds at a time; default 100000."`

	HostMemory Size `yaml:"hostMemory" doc:"What the host holds for an instance: its resources, the values of calls under way and deep stacks; the default is that of memory."`

	Files    int  `yaml:"files" min:"1" max:"1000000" doc:"Open files and folders of an instance; default 256."`
	Sockets  int  `yaml:"sockets" min:"1" max:"1000000" doc:"Open sockets and name lookups of an instance; default 256."`
	Requests int  `yaml:"requests" min:"1" max:"1000000" doc:"Outgoing HTTP requests of an instance that are under way; default 64."`
	Headers  Size `yaml:"headers" doc:"Headers or trailers of each HTTP message, in or out; default 128Ki, 1Mi at most."`
	Body     Size `yaml:"body" doc:"Each HTTP body, in or out; default 1Gi."`

	OutputLines          Count `yaml:"outputLines" doc:"Lines that one invocation may log; default 10k, unbounded for a command."`
	OutputBytes          Size  `yaml:"outputBytes" doc:"Bytes that one invocation may log; default 10Mi, unbounded for a command."`
	OutputLinesPerSecond Count `yaml:"outputLinesPerSecond" doc:"Lines that all instances of the component together may log in a second; default 20k."`
	OutputBytesPerSecond Size  `yaml:"outputBytesPerSecond" doc:"Bytes that all instances of the component together may log in a second; default 10Mi."`
}

// Instances says how instances are made.
type Instances struct {
	Isolation   string   `yaml:"isolation" enum:"fresh|snapshot|reuse" later:"reuse" doc:"fresh: each invocation sees what a new instance would see. snapshot: each sees what one saw behind its initialisation; what that drew, random numbers too, is the same for all."`
	Max         int      `yaml:"max" min:"1" max:"1000000" doc:"How many instances may run at once."`
	Queue       int      `yaml:"queue" min:"1" max:"10000000" doc:"How many invocations may wait for an instance."`
	Ready       *int     `yaml:"ready" min:"0" max:"1000000" doc:"How many instances are made before the workload answers, and kept; default 1 where a trigger reaches the component; 0: none."`
	Concurrency int      `yaml:"concurrency" min:"1" max:"1000000" later:"*" doc:"With reuse: invocations at once in one instance."`
	Uses        int      `yaml:"uses" min:"1" later:"*" doc:"With reuse: invocations in the life of an instance."`
	Idle        Duration `yaml:"idle" doc:"How long an instance is kept that does nothing."`
}

// Telemetry says what is shown.
type Telemetry struct {
	Detail string `yaml:"detail" enum:"invocation|boundary|all" doc:"How many calls become spans."`
}

// Trigger is one trigger. In the file it is a mapping with one key, the type; below it stand the component and the keys of the type.
type Trigger struct {
	Type      string
	Component Name
	Config    any // of the Go type that workload.TriggerType.Config has; nil where that is
}

// Service is a long-lived component.
type Service struct {
	Component Name `yaml:"component,required" doc:"The component."`
}
