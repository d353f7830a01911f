package cli

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/workload"
)

// limitOptions bound what a component may use; the defaults are those of workload.DefaultLimits.
var limitOptions = []option{
	sizeLimit("memory", "VITRINE_MEMORY", "memory", "bound all memories of an instance (default 1Gi)", "--memory 64Mi",
		func(l *workload.Limits) *uint64 { return &l.Memory }),
	{name: "stack", group: groupLimits, env: "VITRINE_STACK", key: limitKey + "stack", arg: "SIZE",
		usage: "bound the stack of an instance's calls (default 128Mi, at least 64Ki, at most 1Gi)", example: "--stack 16Mi",
		apply: func(c *workload.Component, v []string) (err error) {
			if c.Limits.Stack, err = workload.ParseSize(v[0]); err == nil && (c.Limits.Stack < workload.MinStack || c.Limits.Stack > workload.MaxStack) {
				err = fmt.Errorf("%s: want at least %s and at most %s", v[0], workload.FormatSize(workload.MinStack), workload.FormatSize(workload.MaxStack))
			}
			return err
		}},
	sizeLimit("host-memory", "VITRINE_HOST_MEMORY", "hostMemory",
		"bound the host's memory for an instance: resources, values of running calls and, if set, deep stacks (default: as much as memory)", "--host-memory 64Mi",
		func(l *workload.Limits) *uint64 { return &l.HostMemory }),
	{name: "tables", group: groupLimits, env: "VITRINE_TABLES", key: limitKey + "tables", arg: "N",
		usage: "bound the elements of all tables of an instance (default 10 million)", example: "--tables 100000",
		apply: func(c *workload.Component, v []string) error { return parsePositive(&c.Limits.Tables, v[0]) }},
	{name: "deadline", group: groupLimits, env: "VITRINE_DEADLINE", key: limitKey + "deadline", arg: "DURATION",
		usage: "bound the time of one invocation (default 30s; run has none)", example: "--deadline 5s",
		apply: func(c *workload.Component, v []string) (err error) {
			c.Limits.Deadline, err = workload.ParseDuration(v[0])
			return err
		}},
	countLimit("fuel", "VITRINE_FUEL", "fuel",
		"bound the work of one invocation, in loop iterations and function entries (default 100G; run has none)", "--fuel 500M",
		func(l *workload.Limits) *uint64 { return &l.Fuel }),
	numberLimit("call-depth", "VITRINE_CALL_DEPTH", "callDepth", "bound the nested calls between components (default 100)",
		"--call-depth 10", 10_000, func(l *workload.Limits) *int { return &l.CallDepth }),
	numberLimit("handles", "VITRINE_HANDLES", "handles", "bound the resources that a component instance holds (default 100000)",
		"--handles 1000", 1<<28-1, func(l *workload.Limits) *int { return &l.Handles }),
	numberLimit("files", "VITRINE_FILES", "files", "bound the open files and folders of an instance (default 256)",
		"--files 16", 1_000_000, func(l *workload.Limits) *int { return &l.Files }),
	numberLimit("sockets", "VITRINE_SOCKETS", "sockets", "bound the open sockets and name lookups of an instance (default 256)",
		"--sockets 16", 1_000_000, func(l *workload.Limits) *int { return &l.Sockets }),
	numberLimit("requests", "VITRINE_REQUESTS", "requests", "bound the outgoing requests of an instance that are under way (default 64)",
		"--requests 4", 1_000_000, func(l *workload.Limits) *int { return &l.Requests }),
	{name: "headers", group: groupLimits, env: "VITRINE_HEADERS", key: limitKey + "headers", arg: "SIZE",
		usage: "bound the headers of each HTTP message, in and out (default 128Ki, at most 1Mi)", example: "--headers 16Ki",
		apply: func(c *workload.Component, v []string) (err error) {
			if c.Limits.Headers, err = workload.ParseSize(v[0]); err == nil && c.Limits.Headers > workload.MaxHeaders {
				err = fmt.Errorf("%s: want at most %s", v[0], workload.FormatSize(workload.MaxHeaders))
			}
			return err
		}},
	sizeLimit("body", "VITRINE_BODY", "body", "bound each HTTP body, in and out (default 1Gi)", "--body 10Mi",
		func(l *workload.Limits) *uint64 { return &l.Body }),
	countLimit("output-lines", "VITRINE_OUTPUT_LINES", "outputLines",
		"bound the lines that one invocation logs (default 10k; run has none)", "--output-lines 1k",
		func(l *workload.Limits) *uint64 { return &l.OutputLines }),
	sizeLimit("output-bytes", "VITRINE_OUTPUT_BYTES", "outputBytes",
		"bound the bytes that one invocation logs (default 10Mi; run has none)", "--output-bytes 1Mi",
		func(l *workload.Limits) *uint64 { return &l.OutputBytes }),
	countLimit("output-lines-per-second", "VITRINE_OUTPUT_LINES_PER_SECOND", "outputLinesPerSecond",
		"bound the lines that all instances of a component log in a second (default 20k)", "--output-lines-per-second 100",
		func(l *workload.Limits) *uint64 { return &l.OutputLinesPerSecond }),
	sizeLimit("output-bytes-per-second", "VITRINE_OUTPUT_BYTES_PER_SECOND", "outputBytesPerSecond",
		"bound the bytes that all instances of a component log in a second (default 10Mi)", "--output-bytes-per-second 1Mi",
		func(l *workload.Limits) *uint64 { return &l.OutputBytesPerSecond }),
}

const limitKey = componentKey + "limits."

func sizeLimit(name, env, key, usage, example string, field func(*workload.Limits) *uint64) option {
	return option{name: name, group: groupLimits, env: env, key: limitKey + key, arg: "SIZE", usage: usage, example: example,
		apply: func(c *workload.Component, v []string) (err error) {
			*field(&c.Limits), err = workload.ParseSize(v[0])
			return err
		}}
}

func countLimit(name, env, key, usage, example string, field func(*workload.Limits) *uint64) option {
	return option{name: name, group: groupLimits, env: env, key: limitKey + key, arg: "COUNT", usage: usage, example: example,
		apply: func(c *workload.Component, v []string) (err error) {
			*field(&c.Limits), err = workload.ParseCount(v[0])
			return err
		}}
}

func numberLimit(name, env, key, usage, example string, limit int, field func(*workload.Limits) *int) option {
	return option{name: name, group: groupLimits, env: env, key: limitKey + key, arg: "N", usage: usage, example: example,
		apply: func(c *workload.Component, v []string) error {
			err := parsePositive(field(&c.Limits), v[0])
			if err == nil && *field(&c.Limits) > limit {
				err = fmt.Errorf("%s: want at most %d", v[0], limit)
			}
			return err
		}}
}
