package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitrine-wasm/vitrine/workload"
)

// option is one flag with its variable and its manifest key.
type option struct {
	name  string
	group flagGroup // the heading of help below which it is; empty: the last
	env   string
	key   string   // manifest key; empty where the flag is about the process
	arg   string   // the value's name in help; empty for a switch
	bare  string   // what the flag means without a value; empty: it needs one, but for a switch, which is true
	def   string   // of a switch that a command has on: "true"
	many  bool     // may be given several times
	words []string // what a list of words may hold; nil: it is no such list
	// oneInstance says that it has no meaning for a service, which has one instance as long as it runs.
	oneInstance bool
	usage       string
	example     string
	// apply sets the values of one component, exactly one value unless many; nil where the flag is about the process.
	apply func(c *workload.Component, values []string) error
}

const componentKey = "spec.components[]."

// workloadOptions are about a workload: up, run and check have them.
var workloadOptions = slices.Concat(grantOptions, limitOptions, instanceOptions, []option{verifyKeyOption})

// grantOptions set a component's environment, configuration and grants.
var grantOptions = []option{
	{name: "env", group: groupGrants, env: "VITRINE_ENV", key: componentKey + "environment", arg: "NAME=VALUE", many: true,
		usage: "set an environment variable of the guest", example: "--env LOG=debug",
		apply: func(c *workload.Component, values []string) error { return addPairs(&c.Environment, values) }},
	{name: "config", group: groupGrants, env: "VITRINE_CONFIG", key: componentKey + "config", arg: "NAME=VALUE", many: true,
		usage: "set a value of wasi:config", example: "--config greeting=hello",
		apply: func(c *workload.Component, values []string) error { return addPairs(&c.Config, values) }},
	{name: "dir", group: groupGrants, env: "VITRINE_DIR", key: componentKey + "grants.files", arg: "HOST[::GUEST][:ro]", many: true,
		usage: "give the guest a folder, readable and writable, or read-only with :ro", example: "--dir ./data::/data:ro",
		apply: applyDirs},
	{name: "allow-http", group: groupGrants, env: "VITRINE_ALLOW_HTTP", key: componentKey + "grants.http", arg: "PATTERN", many: true,
		usage: "let the guest send requests to a destination; * is every one", example: "--allow-http https://api.example.com",
		apply: func(c *workload.Component, values []string) (err error) {
			c.Grants.HTTP, err = parseAll(values, workload.ParseHTTP)
			return err
		}},
	{name: "allow-connect", group: groupGrants, env: "VITRINE_ALLOW_CONNECT", key: componentKey + "grants.sockets.connect", arg: "ADDR", many: true,
		usage: "let the guest connect or send to an address; * is every one", example: "--allow-connect 127.0.0.1:5432",
		apply: func(c *workload.Component, values []string) (err error) {
			c.Grants.Sockets.Connect, err = parseAll(values, workload.ParseAddress)
			return err
		}},
	{name: "allow-listen", group: groupGrants, env: "VITRINE_ALLOW_LISTEN", key: componentKey + "grants.sockets.listen", arg: "ADDR", many: true,
		usage: "let the guest listen on an address; * is every one", example: "--allow-listen 127.0.0.1:*",
		apply: func(c *workload.Component, values []string) (err error) {
			c.Grants.Sockets.Listen, err = parseAll(values, workload.ParseAddress)
			return err
		}},
}

// features are the values of --features.
var features = []string{"threads", "stackful", "error-context"}

// instanceOptions set how instances are made, pooled and traced.
var instanceOptions = []option{
	{name: "isolation", group: groupInstances, oneInstance: true, env: "VITRINE_ISOLATION", key: componentKey + "instances.isolation", arg: "fresh|snapshot|reuse",
		usage:   "the state in which an invocation begins: fresh, a new instance's (default); snapshot, that after one initialisation, whose random numbers all share; reuse, as others left it (default for WASI 0.3)",
		example: "--isolation snapshot",
		apply: func(c *workload.Component, v []string) error {
			c.Instances.Isolation = v[0]
			return oneOf(v[0], "fresh", "snapshot", "reuse")
		}},
	{name: "max-instances", group: groupInstances, oneInstance: true, env: "VITRINE_MAX_INSTANCES", key: componentKey + "instances.max", arg: "N",
		usage: "how many instances may run at once (default 200; 8 where several invocations share one)", example: "--max-instances 50",
		apply: func(c *workload.Component, v []string) error { return parsePositive(&c.Instances.Max, v[0]) }},
	{name: "queue", group: groupInstances, env: "VITRINE_QUEUE", key: componentKey + "instances.queue", arg: "N",
		usage: "how many invocations may wait for an instance (default 1000)", example: "--queue 100",
		apply: func(c *workload.Component, v []string) error { return parsePositive(&c.Instances.Queue, v[0]) }},
	{name: "ready", group: groupInstances, oneInstance: true, env: "VITRINE_READY", key: componentKey + "instances.ready", arg: "N",
		usage:   "how many instances to make before the first request, and to keep; 0 is none (default 1; run has none)",
		example: "--ready 4",
		apply: func(c *workload.Component, v []string) error {
			n, err := strconv.ParseUint(v[0], 10, 31)
			if err != nil {
				return fmt.Errorf("%q: want a whole number, 0 or more", v[0])
			}
			ready := int(n)
			c.Instances.Ready = &ready
			return nil
		}},
	{name: "max-concurrency", group: groupInstances, env: "VITRINE_MAX_CONCURRENCY", key: componentKey + "instances.concurrency", arg: "N",
		usage: "with isolation reuse: invocations at once in one instance (default 16; 1 for a component of WASI 0.2)", example: "--max-concurrency 16",
		apply: func(c *workload.Component, v []string) error { return parsePositive(&c.Instances.Concurrency, v[0]) }},
	{name: "max-uses", group: groupInstances, oneInstance: true, env: "VITRINE_MAX_USES", key: componentKey + "instances.uses", arg: "N",
		usage: "with isolation reuse: invocations of an instance in all (default 1000)", example: "--max-uses 1000",
		apply: func(c *workload.Component, v []string) error { return parsePositive(&c.Instances.Uses, v[0]) }},
	{name: "idle", group: groupInstances, oneInstance: true, env: "VITRINE_IDLE", key: componentKey + "instances.idle", arg: "DURATION",
		usage: "how long an idle instance is kept (default 5s)", example: "--idle 30s",
		apply: func(c *workload.Component, v []string) (err error) {
			c.Instances.Idle, err = workload.ParseDuration(v[0])
			return err
		}},
	{name: "features", group: groupInstances, env: "VITRINE_FEATURES", key: componentKey + "features", arg: "NAME,…", words: features,
		usage:   "unsettled parts of the Component Model that components may use: threads, stackful, error-context (default none)",
		example: "--features threads,stackful",
		apply: func(c *workload.Component, v []string) error {
			c.Features = strings.Split(v[0], ",")
			for _, f := range c.Features {
				if err := oneOf(f, features...); err != nil {
					return err
				}
			}
			return nil
		}},
	{name: "detail", group: groupTelemetry, env: "VITRINE_DETAIL", key: componentKey + "telemetry.detail", arg: "invocation|boundary|all",
		usage:   "which calls become spans: invocation, requests and exports; boundary, calls between components and of imports, too, files and sockets as one, and waits (default); all, each call, at one or two microseconds each",
		example: "--detail all",
		apply: func(c *workload.Component, v []string) error {
			c.Detail = v[0]
			return oneOf(v[0], "invocation", "boundary", "all")
		}},
	{name: "guest-lines", group: groupTelemetry, env: "VITRINE_GUEST_LINES", key: componentKey + "telemetry.lines", arg: "json|text",
		usage: "how guests' lines that are JSON are taken: json, by level, message and fields (default); text, as they are", example: "--guest-lines text",
		apply: func(c *workload.Component, v []string) error {
			c.Lines = v[0]
			return oneOf(v[0], "json", "text")
		}},
}

// Flags about the process, by name.
var (
	listenOption = option{name: "listen", group: groupListening, env: "VITRINE_LISTEN", arg: "ADDR", many: true,
		usage:   "where to serve: HOST:PORT, PORT (loopback), :PORT (every interface), 0.0.0.0:PORT (IPv4 alone), unix:PATH[?mode=0660]; port 0 is any free one; https where there is a certificate, but for unix: and http://… (default 127.0.0.1:3000)",
		example: "--listen 127.0.0.1:8080"}
	tlsCertOption = option{name: "tls-cert", group: groupListening, env: "VITRINE_TLS_CERT", arg: "FILE",
		usage: "the certificate to serve https with, PEM, read again when it changes (in a manifest: tls of an http trigger)", example: "--tls-cert tls.crt"}
	tlsKeyOption = option{name: "tls-key", group: groupListening, env: "VITRINE_TLS_KEY", arg: "FILE",
		usage: "the key of the certificate, PEM", example: "--tls-key tls.key"}
	trustedProxiesOption = option{name: "trusted-proxies", group: groupListening, env: "VITRINE_TRUSTED_PROXIES", arg: "NETWORK", many: true,
		usage: "proxies to believe what they say of clients (Forwarded, X-Forwarded-…): an address, a network, or unix (in a manifest: trustedProxies of an http trigger)", example: "--trusted-proxies 10.0.0.0/8"}
	drainOption = option{name: "drain", group: groupListening, env: "VITRINE_DRAIN", arg: "DURATION",
		usage: "how long running requests may go on after the first signal (default: the longest deadline)", example: "--drain 10s"}
	outputOptions = []option{
		{name: "log-level", group: groupTelemetry, env: "VITRINE_LOG", arg: "debug|info|warn|error",
			usage: "the least severity that the console shows (default info)", example: "--log-level warn"},
		{name: "log-format", group: groupTelemetry, env: "VITRINE_LOG_FORMAT", arg: "text|json",
			usage: "the console's format (default text)", example: "--log-format json"},
		{name: "otel-level", group: groupTelemetry, env: "VITRINE_OTEL_LEVEL", arg: "debug|info|warn|error",
			usage: "the least severity of log records that are exported (default debug: all)", example: "--otel-level info"},
		{name: "trace", group: groupTelemetry, env: "VITRINE_TRACE", arg: "FILTER", bare: "true",
			usage:   "print each finished trace as a tree on stderr; with a FILTER those that meet it: errors, slow>DURATION, a pattern of a name, URL or path (/cart, *price*), or several with | between them",
			example: "--trace='errors|slow>100ms'"},
	}
	stateOption = option{name: "state-dir", env: "VITRINE_STATE_DIR", arg: "DIR",
		usage: "where key-value stores are kept whose grant names no backend (default: .vitrine beside the manifest)", example: "--state-dir /var/lib/vitrine"}
	cacheOption = option{name: "cache-dir", env: "VITRINE_CACHE_DIR", arg: "DIR",
		usage: "where compiled code is kept between processes (default: the user's cache folder; \"off\": nowhere)", example: "--cache-dir /var/cache/vitrine"}
)

// settings reads the values of a command's options: a flag's if it was given, else its variable's.
type settings struct {
	cmd    *cobra.Command
	getenv func(string) string
	opts   map[string]option
}

// options registers options with a command.
func (p *process) options(cmd *cobra.Command, groups ...[]option) *settings {
	s := &settings{cmd: cmd, getenv: p.getenv, opts: map[string]option{}}
	flags := cmd.Flags()
	flags.SortFlags = false
	for _, group := range groups {
		for _, o := range group {
			s.opts[o.name] = o
			flags.VarP(&flagValue{option: o}, o.name, "", o.help())
			if bare := o.bare; bare != "" || o.arg == "" {
				flags.Lookup(o.name).NoOptDefVal = cmp.Or(bare, "true")
			}
			if complete := o.completion(); complete != nil {
				_ = cmd.RegisterFlagCompletionFunc(o.name, complete) // it fails only for a flag that is not there
			}
		}
	}
	return s
}

// help is the option's text in --help: its usage, variable, manifest key and example.
func (o option) help() string {
	return o.usage + "\n" + o.source() + " " + o.example
}

// source says where else the option is set: its variable and its manifest key.
func (o option) source() string {
	if o.key == "" {
		return "[" + o.env + "]"
	}
	return "[" + o.env + ", " + o.key + "]"
}

// flagValue collects the values of a flag.
type flagValue struct {
	option option
	values []string
}

var _ pflag.Value = (*flagValue)(nil)

func (f *flagValue) String() string { return "" }

// Type is the value's name in help; a switch is of type bool, for which pflag shows no name.
func (f *flagValue) Type() string {
	if f.option.arg == "" {
		return "bool"
	}
	return f.option.arg
}

func (f *flagValue) Set(s string) error {
	if !f.option.many {
		f.values = f.values[:0]
	}
	if f.option.arg == "" && s != "true" && s != "false" {
		return fmt.Errorf("want true or false")
	}
	f.values = append(f.values, s)
	return nil
}

// values returns an option's values and, for messages, the flag or variable that they come from; none if it was not set.
func (s *settings) values(name string) (values []string, from string) {
	o := s.opts[name]
	if f := s.cmd.Flags().Lookup(name); f != nil && f.Changed {
		return f.Value.(*flagValue).values, "--" + name
	}
	text := s.getenv(o.env)
	switch {
	case text == "":
		return nil, ""
	case o.many:
		for _, v := range strings.Split(text, ",") {
			values = append(values, strings.TrimSpace(v))
		}
		return values, o.env
	}
	return []string{text}, o.env
}

// text returns a single value, or def.
func (s *settings) text(name, def string) (value, from string) {
	if v, from := s.values(name); len(v) > 0 {
		return v[0], from
	}
	return def, "--" + name
}

// choice is text whose value must be one of words.
func (s *settings) choice(name, def string, words ...string) (string, error) {
	v, from := s.text(name, def)
	if err := oneOf(v, words...); err != nil {
		return "", badValue(from, err)
	}
	return v, nil
}

// apply sets the options' values in every component of w.
func (s *settings) apply(w *workload.Spec) error {
	for _, o := range workloadOptions {
		values, from := s.values(o.name)
		if len(values) == 0 {
			continue
		}
		for i := range w.Components {
			c := &w.Components[i]
			if o.oneInstance && w.Service(c.Name) != nil {
				other := *c
				c = &other // the value is checked only
			}
			if err := o.apply(c, values); err != nil {
				return badValue(from, err)
			}
		}
	}
	return nil
}

func badValue(from string, err error) error {
	return &Problem{What: "bad value of " + from, Why: err.Error(), Do: "see --help for an example", Code: ExitUsage}
}
