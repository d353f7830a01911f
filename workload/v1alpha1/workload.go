package v1alpha1

// APIVersion and Kind are the values of these keys in every document.
const (
	APIVersion = "vitrine.dev/v1alpha1"
	Kind       = "Workload"
)

// Workload is the document. Relative paths in a file start from the file's folder.
type Workload struct {
	APIVersion string   `json:"apiVersion" yaml:"apiVersion" required:"true" enum:"vitrine.dev/v1alpha1" doc:"The version of this format."`
	Kind       string   `json:"kind" yaml:"kind" required:"true" enum:"Workload" doc:"What the file describes."`
	Metadata   Metadata `json:"metadata" yaml:"metadata" required:"true" doc:"How the workload is called."`
	Spec       Spec     `json:"spec" yaml:"spec" required:"true" doc:"What runs."`
}

// Metadata names a workload.
type Metadata struct {
	Name        Name              `json:"name" yaml:"name" required:"true" doc:"The workload's name."`
	Namespace   Name              `json:"namespace,omitzero" yaml:"namespace,omitempty" doc:"The namespace; service.namespace in telemetry."`
	Version     string            `json:"version,omitzero" yaml:"version,omitempty" doc:"The workload's version; service.version in telemetry. Kubernetes takes it as the label app.kubernetes.io/version, which means the same here."`
	Labels      map[string]string `json:"labels,omitempty" yaml:"labels,omitempty" secret:"true" doc:"For Kubernetes; a host reads app.kubernetes.io/version alone, where there is no version."`
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations,omitempty" secret:"true" doc:"For Kubernetes; a host does not read them."`
}

// Spec lists components, triggers and services.
type Spec struct {
	Components []Component `json:"components" yaml:"components" required:"true" minItems:"1" doc:"The components of the workload."`
	Triggers   []Trigger   `json:"triggers,omitempty" yaml:"triggers,omitempty" doc:"What calls the components."`
	Services   []Service   `json:"services,omitempty" yaml:"services,omitempty" doc:"Components that run for as long as the workload: wasi:cli/run is called when it starts, and again after a failure. They serve TCP and UDP to the workload's other components at 127.0.0.1 and by their names."`

	Replicas  *int    `json:"replicas,omitempty" yaml:"replicas,omitempty" min:"0" max:"10000" doc:"For Kubernetes; a host does not read it. How many pods, or hosts, serve the workload; default 1."`
	Placement string  `json:"placement,omitzero" yaml:"placement,omitempty" enum:"pods|hosts" doc:"For Kubernetes; a host does not read it. What runs the workload: pods of its own, which is the default, or hosts, each of which runs many workloads in one process."`
	Rollout   Rollout `json:"rollout,omitzero" yaml:"rollout,omitempty" doc:"For Kubernetes; a host does not read it. How new pods take the place of old ones."`
}

// Rollout is how the pods of a new document take the place of those of the old one.
type Rollout struct {
	MaxSurge       *int     `json:"maxSurge,omitempty" yaml:"maxSurge,omitempty" min:"0" max:"10000" doc:"How many pods more than replicas there may be meanwhile; default 1, and 0 where maxUnavailable is given."`
	MaxUnavailable *int     `json:"maxUnavailable,omitempty" yaml:"maxUnavailable,omitempty" min:"0" max:"10000" doc:"How many pods fewer than replicas there may be meanwhile; default 0. One of the two has to be more than 0."`
	Deadline       Duration `json:"deadline,omitzero" yaml:"deadline,omitempty" doc:"How long nothing may get better until the workload says that the rollout is stuck; the old pods serve on. Default 10m."`
}

// Component is one component.
type Component struct {
	Name        Name              `json:"name" yaml:"name" required:"true" doc:"Unique in the workload; service.name in telemetry."`
	Source      Source            `json:"source" yaml:"source" required:"true" one:"true" doc:"Where the component's bytes come from."`
	Verify      Verify            `json:"verify,omitzero" yaml:"verify,omitempty" doc:"Whose signature the image has to have; it is checked before anything of the component is read."`
	Build       Build             `json:"build,omitzero" yaml:"build,omitempty" doc:"How the source file is made, by vitrine build and vitrine dev."`
	Links       map[string]Name   `json:"links,omitempty" yaml:"links,omitempty" keys:"^[^:/@]+(:[^:/@]+)+(/[^:/@]+)+(@.+)?$" doc:"Import to component: which component of the workload serves it. All other imports are served by plugins."`
	Environment map[string]string `json:"environment,omitempty" yaml:"environment,omitempty" keys:"^[^=\\x00]+$" secret:"true" doc:"Environment variables of the guest."`
	Args        []string          `json:"args,omitempty" yaml:"args,omitempty" secret:"true" doc:"Arguments of a command."`
	Config      map[string]string `json:"config,omitempty" yaml:"config,omitempty" secret:"true" doc:"Values of wasi:config."`
	Grants      Grants            `json:"grants,omitzero" yaml:"grants,omitempty" doc:"What the component may do. Nothing is granted that is not written here."`
	Limits      Limits            `json:"limits,omitzero" yaml:"limits,omitempty" doc:"Bounds of one instance."`
	Instances   Instances         `json:"instances,omitzero" yaml:"instances,omitempty" doc:"How instances are made."`
	Features    []string          `json:"features,omitempty" yaml:"features,omitempty" enum:"threads|stackful|error-context" doc:"Parts of the Component Model that its specification has not settled and that the component may use."`
	Telemetry   Telemetry         `json:"telemetry,omitzero" yaml:"telemetry,omitempty" doc:"What is shown of the component."`
}

// Source is where a component's bytes come from: exactly one field is set.
type Source struct {
	File  string `json:"file,omitzero" yaml:"file,omitempty" minLength:"1" doc:"A file, from the manifest's folder."`
	Image string `json:"image,omitzero" yaml:"image,omitempty" minLength:"1" doc:"An artifact in an OCI registry: host/repository:tag, or host/repository@sha256:…, which is fetched once and then starts without the registry."`
}

// Verify says which signatures of an image are accepted.
type Verify struct {
	Key string `json:"key,omitzero" yaml:"key,omitempty" minLength:"1" doc:"A file with public keys, PEM, from the manifest's folder; one of them has to have signed the image."`
}

// Build is how a source file is built.
type Build struct {
	Command     []string          `json:"command,omitempty" yaml:"command,omitempty" doc:"The command and its arguments; no shell reads them."`
	Before      [][]string        `json:"before,omitempty" yaml:"before,omitempty" doc:"Commands that run before it, one after the other."`
	After       [][]string        `json:"after,omitempty" yaml:"after,omitempty" doc:"Commands that run after it has succeeded, one after the other."`
	Folder      string            `json:"folder,omitzero" yaml:"folder,omitempty" doc:"The commands' working folder, from the manifest's folder, which is the default."`
	Environment map[string]string `json:"environment,omitempty" yaml:"environment,omitempty" keys:"^[^=\\x00]+$" secret:"true" doc:"Environment variables of the commands, besides those of vitrine's own process."`
	Needs       []Name            `json:"needs,omitempty" yaml:"needs,omitempty" doc:"Components that are built before this one; others are built at the same time."`
	Watch       []string          `json:"watch,omitempty" yaml:"watch,omitempty" doc:"Patterns of the files that it is made from, from the working folder: src/**, *.go. Without them it is every file there that .gitignore does not name."`
}

// Grants are what a component may access.
type Grants struct {
	HTTP    []HTTPGrant  `json:"http,omitempty" yaml:"http,omitempty" doc:"Destinations of outgoing requests."`
	Files   []FileGrant  `json:"files,omitempty" yaml:"files,omitempty" doc:"Folders of the host."`
	Sockets SocketGrants `json:"sockets,omitzero" yaml:"sockets,omitempty" doc:"TCP and UDP addresses."`

	Keyvalue  map[string]StoreGrant `json:"keyvalue,omitempty" yaml:"keyvalue,omitempty" keys:"^.+$" stores:"keyvalue" doc:"Bucket to backend. The bucket default is the one that is opened without a name; without grants it is all there is, in the program's first backend."`
	Blobstore map[string]StoreGrant `json:"blobstore,omitempty" yaml:"blobstore,omitempty" keys:"^.+$" stores:"blobstore" doc:"Container to backend. The name default stands for all containers that are not named here; without grants they are in the program's first backend."`
	SQLite    map[string]StoreGrant `json:"sqlite,omitempty" yaml:"sqlite,omitempty" keys:"^.+$" stores:"sqlite" doc:"Database to backend: {default: {file: data.db}}. Without grants there is one, default, in the program's first backend."`
	Postgres  map[string]StoreGrant `json:"postgres,omitempty" yaml:"postgres,omitempty" keys:"^.+$" stores:"postgres" doc:"Database to server: {default: {postgres: \"postgres://app@db.example.com/shop\"}}. The key is the name that the component opens, or an address, postgres://HOST:PORT or postgres://HOST:PORT/DATABASE, for components that open addresses."`
	Messaging map[string]StoreGrant `json:"messaging,omitempty" yaml:"messaging,omitempty" keys:"^.+$" stores:"messaging" doc:"Subject to broker, for what the component sends and receives. A subject may have wildcards between its dots: * for one text, > at the end for all that follow."`
	Redis     map[string]StoreGrant `json:"redis,omitempty" yaml:"redis,omitempty" keys:"^.+$" stores:"redis" doc:"Servers that the component reaches by the interfaces for Redis: the address or the name that it gives, to the server: {\"redis://cache:6379\": {redis: \"redis://127.0.0.1:6379\"}}."`
	MQTT      map[string]StoreGrant `json:"mqtt,omitempty" yaml:"mqtt,omitempty" keys:"^.+$" stores:"mqtt" doc:"Brokers that the component reaches by the interfaces for MQTT: the address or the name that it gives, to the broker: {\"mqtt://broker:1883\": {mqtt: \"mqtt://127.0.0.1:1883\"}}."`

	Secrets map[string]Secret `json:"secrets,omitempty" yaml:"secrets,omitempty" secret:"true" one:"true" keys:"^.+$" doc:"Secret to the place where it is: {api-key: {env: API_KEY}}. It is read when the workload starts."`
}

// Secret is where a secret is: exactly one field is set.
type Secret struct {
	Env  EnvName `json:"env,omitzero" yaml:"env,omitempty" doc:"The environment variable of the host that has it."`
	File string  `json:"file,omitzero" yaml:"file,omitempty" minLength:"1" doc:"The file that has it, from the manifest's folder. Only its owner may read and write it (mode 0600). A line feed at the end of a text is not part of it."`
}

// FileGrant grants a folder.
type FileGrant struct {
	Host   string `json:"host" yaml:"host" required:"true" doc:"The folder on the host, from the manifest's folder."`
	Guest  string `json:"guest" yaml:"guest" required:"true" doc:"What the guest calls it."`
	Access string `json:"access,omitzero" yaml:"access,omitempty" enum:"read|write" doc:"What the guest may do in it; read unless it says write."`
}

// SocketGrants grant addresses.
type SocketGrants struct {
	Connect []SocketGrant `json:"connect,omitempty" yaml:"connect,omitempty" doc:"Addresses that may be connected or sent to. The ports of the workload's services need no grant."`
	Listen  []SocketGrant `json:"listen,omitempty" yaml:"listen,omitempty" doc:"Addresses of the machine that may be listened on. Services listen in their workload without a grant; one publishes the port besides."`
}

// Limits bound what a component may use; see [workload.Limits].
type Limits struct {
	Memory    Size     `json:"memory,omitzero" yaml:"memory,omitempty" doc:"All linear memories of an instance together; default 1Gi."`
	Deadline  Duration `json:"deadline,omitzero" yaml:"deadline,omitempty" doc:"The longest that one invocation may take; default 30s, none for a command."`
	Stack     Size     `json:"stack,omitzero" yaml:"stack,omitempty" doc:"Stack of an instance's calls, nested calls together; default 128Mi, at least 64Ki, at most 1Gi."`
	Tables    int      `json:"tables,omitzero" yaml:"tables,omitempty" min:"1" max:"4294967295" doc:"Elements of all tables of an instance together; default 10 million."`
	Fuel      Count    `json:"fuel,omitzero" yaml:"fuel,omitempty" doc:"Guest work of one invocation, in loop iterations and function entries; default 100G, unbounded for a command."`
	CallDepth int      `json:"callDepth,omitzero" yaml:"callDepth,omitempty" min:"1" max:"10000" doc:"Nested calls between components; default 100."`
	Handles   int      `json:"handles,omitzero" yaml:"handles,omitempty" min:"1" max:"268435455" doc:"Resources that a component instance holds at a time; default 100000."`

	HostMemory Size `json:"hostMemory,omitzero" yaml:"hostMemory,omitempty" doc:"What the host holds for an instance: its resources, the values of calls under way and, where it is set, deep stacks; the default is that of memory."`

	Files    int  `json:"files,omitzero" yaml:"files,omitempty" min:"1" max:"1000000" doc:"Open files and folders of an instance; default 256."`
	Sockets  int  `json:"sockets,omitzero" yaml:"sockets,omitempty" min:"1" max:"1000000" doc:"Open sockets and name lookups of an instance; default 256."`
	Requests int  `json:"requests,omitzero" yaml:"requests,omitempty" min:"1" max:"1000000" doc:"Outgoing HTTP requests of an instance that are under way; default 64."`
	Headers  Size `json:"headers,omitzero" yaml:"headers,omitempty" doc:"Headers or trailers of each HTTP message, in or out; default 128Ki, 1Mi at most."`
	Body     Size `json:"body,omitzero" yaml:"body,omitempty" doc:"Each HTTP body, in or out; default 1Gi."`

	OutputLines          Count `json:"outputLines,omitzero" yaml:"outputLines,omitempty" doc:"Lines that one invocation may log; default 10k, unbounded for a command."`
	OutputBytes          Size  `json:"outputBytes,omitzero" yaml:"outputBytes,omitempty" doc:"Bytes that one invocation may log; default 10Mi, unbounded for a command."`
	OutputLinesPerSecond Count `json:"outputLinesPerSecond,omitzero" yaml:"outputLinesPerSecond,omitempty" doc:"Lines that all instances of the component together may log in a second; default 20k."`
	OutputBytesPerSecond Size  `json:"outputBytesPerSecond,omitzero" yaml:"outputBytesPerSecond,omitempty" doc:"Bytes that all instances of the component together may log in a second; default 10Mi."`
}

// Instances is how instances are made.
type Instances struct {
	Isolation   string   `json:"isolation,omitzero" yaml:"isolation,omitempty" enum:"fresh|snapshot|reuse" doc:"fresh: each invocation sees what a new instance would see; default. snapshot: each sees what one saw behind its initialisation; what that drew, random numbers too, is the same for all. reuse: each sees what others have left in the instance, and with concurrency others are in it at the same time; default for a component whose handler is asynchronous (WASI 0.3)."`
	Max         int      `json:"max,omitzero" yaml:"max,omitempty" min:"1" max:"1000000" doc:"How many instances may run at once; default 200, and 8 where several invocations share one."`
	Queue       int      `json:"queue,omitzero" yaml:"queue,omitempty" min:"1" max:"10000000" doc:"How many invocations may wait for an instance."`
	Ready       *int     `json:"ready,omitempty" yaml:"ready,omitempty" min:"0" max:"1000000" doc:"How many instances are made before the workload answers, and kept; default 1 where a trigger reaches the component; 0: none."`
	Concurrency int      `json:"concurrency,omitzero" yaml:"concurrency,omitempty" min:"1" max:"1000000" doc:"With reuse: invocations at once in one instance; default 16, and 1 for a component of WASI 0.2."`
	Uses        int      `json:"uses,omitzero" yaml:"uses,omitempty" min:"1" doc:"With reuse: invocations in the life of an instance; default 1000."`
	Idle        Duration `json:"idle,omitzero" yaml:"idle,omitempty" doc:"How long an instance is kept that does nothing."`
}

// Telemetry is how much of the component's calls telemetry records, and what it takes of what the component says itself.
type Telemetry struct {
	Detail string `json:"detail,omitzero" yaml:"detail,omitempty" enum:"invocation|boundary|all" doc:"Which calls become spans. invocation: events and exports. boundary: calls between components and of imports, too; file and socket calls as one span a request, small calls only if they wait for longer than a millisecond; default. all: each call."`
	Lines  string `json:"lines,omitzero" yaml:"lines,omitempty" enum:"json|text" doc:"How lines of standard output and error that are JSON objects are taken: by their level, message and fields; json unless it says text, which leaves them as they are."`
	Guest  string `json:"guest,omitzero" yaml:"guest,omitempty" enum:"on|off" doc:"Whether what the component records itself is taken; on unless it says off, which the component does not notice."`
}

// Service is a component that runs for as long as the workload.
type Service struct {
	Component   Name     `json:"component" yaml:"component" required:"true" doc:"The component that runs; it exports wasi:cli/run. limits.deadline and limits.fuel do not bound a run."`
	Restart     string   `json:"restart,omitzero" yaml:"restart,omitempty" enum:"on-failure|always|never" doc:"After which runs there is another one; on-failure unless it says something else."`
	MaxRestarts *int     `json:"maxRestarts,omitempty" yaml:"maxRestarts,omitempty" min:"0" max:"1000000" doc:"How many restarts may follow each other without a good run; default: any number."`
	Backoff     Duration `json:"backoff,omitzero" yaml:"backoff,omitempty" doc:"How long about the service waits before its first restart; twice as long before each further one; default 500ms."`
	MaxBackoff  Duration `json:"maxBackoff,omitzero" yaml:"maxBackoff,omitempty" doc:"How long it waits at most; default 1m."`
	GoodRun     Duration `json:"goodRun,omitzero" yaml:"goodRun,omitempty" doc:"A run that was as long as this begins backoff and maxRestarts anew; default 1m."`
}
