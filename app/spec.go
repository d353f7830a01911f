package app

import (
	"maps"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// spec is the workload of a manifest without mistakes; paths start from dir.
func (f *Format) spec(m *v1alpha1.Workload, dir string) *workload.Spec {
	w := &workload.Spec{
		Name: string(m.Metadata.Name), Namespace: string(m.Metadata.Namespace), Version: m.Metadata.Version,
		Labels: m.Metadata.Labels, Annotations: m.Metadata.Annotations,
		Cluster: workload.Cluster{
			Replicas: m.Spec.Replicas, Placement: m.Spec.Placement, MaxSurge: m.Spec.Rollout.MaxSurge,
			MaxUnavailable: m.Spec.Rollout.MaxUnavailable, RolloutDeadline: time.Duration(m.Spec.Rollout.Deadline),
		},
	}
	if w.Version == "" {
		w.Version = w.Labels[workload.VersionLabel]
	}
	stores := func(plugin string) func(v1alpha1.StoreGrant) workload.StoreGrant {
		return func(g v1alpha1.StoreGrant) workload.StoreGrant { return f.storeSpec(plugin, g, dir) }
	}
	for _, c := range m.Spec.Components {
		out := workload.Component{
			Name:        string(c.Name),
			Source:      sourceSpec(&c, dir),
			Build:       buildSpec(&c.Build, dir),
			Environment: c.Environment,
			Args:        c.Args,
			Config:      c.Config,
			Features:    c.Features,
			Grants: workload.Grants{
				HTTP:     plainStrings(c.Grants.HTTP),
				Sockets:  workload.SocketGrants{Connect: plainStrings(c.Grants.Sockets.Connect), Listen: plainStrings(c.Grants.Sockets.Listen)},
				Keyvalue: mapValues(c.Grants.Keyvalue, stores("keyvalue")), Blobstore: mapValues(c.Grants.Blobstore, stores("blobstore")),
				SQLite:    mapValues(c.Grants.SQLite, stores("sqlite")),
				Postgres:  mapValues(c.Grants.Postgres, stores("postgres")),
				Messaging: mapValues(c.Grants.Messaging, stores("messaging")),
				Redis:     mapValues(c.Grants.Redis, stores("redis")),
				MQTT:      mapValues(c.Grants.MQTT, stores("mqtt")),
				Secrets: mapValues(c.Grants.Secrets, func(s v1alpha1.Secret) workload.Secret {
					out := workload.Secret{Env: string(s.Env)}
					if s.File != "" {
						out.File = resolvePath(dir, s.File)
					}
					return out
				}),
			},
			Limits: limitsFrom(&c.Limits),
			Instances: workload.Instances{
				Isolation: c.Instances.Isolation, Max: c.Instances.Max, Queue: c.Instances.Queue, Ready: c.Instances.Ready,
				Concurrency: c.Instances.Concurrency, Uses: c.Instances.Uses, Idle: time.Duration(c.Instances.Idle),
			},
			Detail: c.Telemetry.Detail, GuestTelemetry: c.Telemetry.Guest, Lines: c.Telemetry.Lines,
		}
		for imp, to := range c.Links {
			if out.Links == nil {
				out.Links = map[string]string{}
			}
			out.Links[imp] = string(to)
		}
		for _, g := range c.Grants.Files {
			out.Grants.Files = append(out.Grants.Files, workload.FileGrant{Host: resolvePath(dir, g.Host), Guest: g.Guest, ReadOnly: g.Access != "write"})
		}
		w.Components = append(w.Components, out)
	}
	for _, t := range m.Spec.Triggers {
		spec := f.triggerSpec(&t)
		if spec.Config != nil {
			spec.Config = mapPaths(spec.Config, func(path string) string { return resolvePath(dir, path) })
		}
		w.Triggers = append(w.Triggers, spec)
	}
	for _, s := range m.Spec.Services {
		w.Services = append(w.Services, workload.Service{
			Component: string(s.Component), Restart: s.Restart, MaxRestarts: s.MaxRestarts,
			Backoff: time.Duration(s.Backoff), MaxBackoff: time.Duration(s.MaxBackoff), GoodRun: time.Duration(s.GoodRun),
		})
	}
	return w
}

// sourceSpec is where the component comes from; paths start from dir.
func sourceSpec(c *v1alpha1.Component, dir string) workload.Source {
	out := workload.Source{Image: c.Source.Image}
	if c.Source.File != "" {
		out.File = resolvePath(dir, c.Source.File)
	}
	if c.Verify.Key != "" {
		out.Key = resolvePath(dir, c.Verify.Key)
	}
	return out
}

func buildSpec(b *v1alpha1.Build, dir string) workload.Build {
	out := workload.Build{Command: b.Command, Before: b.Before, After: b.After, Environment: b.Environment, Needs: plainStrings(b.Needs), Watch: b.Watch}
	if b.Folder != "" || len(b.Command) > 0 {
		out.Folder = resolvePath(dir, b.Folder)
	}
	return out
}

func limitsFrom(l *v1alpha1.Limits) workload.Limits {
	return workload.Limits{
		Memory: uint64(l.Memory), Stack: uint64(l.Stack), Tables: uint32(l.Tables), Deadline: time.Duration(l.Deadline), Fuel: uint64(l.Fuel),
		CallDepth: l.CallDepth, Handles: l.Handles, HostMemory: uint64(l.HostMemory), Files: l.Files, Sockets: l.Sockets, Requests: l.Requests,
		Headers: uint64(l.Headers), Body: uint64(l.Body), OutputLines: uint64(l.OutputLines), OutputBytes: uint64(l.OutputBytes),
		OutputLinesPerSecond: uint64(l.OutputLinesPerSecond), OutputBytesPerSecond: uint64(l.OutputBytesPerSecond),
	}
}

func plainStrings[T ~string](in []T) []string {
	var out []string
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

// mapValues applies f to the values of a map.
func mapValues[In, Out any](in map[string]In, f func(In) Out) map[string]Out {
	if in == nil {
		return nil
	}
	out := make(map[string]Out, len(in))
	for name, v := range in {
		out[name] = f(v)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
