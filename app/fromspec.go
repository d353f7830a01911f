package app

import (
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// FromSpec returns the document of a specification, as `vitrine up --write` prints it. Its paths are those of w.
func FromSpec(w *workload.Spec) *v1alpha1.Workload { return document(w, "") }

func buildOf(b *workload.Build, dir string) v1alpha1.Build {
	out := v1alpha1.Build{Command: b.Command, Before: b.Before, After: b.After, Folder: b.Folder, Environment: b.Environment,
		Needs: convertStrings[v1alpha1.Name](b.Needs), Watch: b.Watch}
	if dir != "" {
		out.Folder = relativeTo(dir, b.Folder)
	}
	if out.Folder == "." {
		out.Folder = "" // the default
	}
	return out
}

// document is FromSpec where dir is "". Otherwise paths in the configs of backends and triggers start from the folder dir.
func document(w *workload.Spec, dir string) *v1alpha1.Workload {
	m := &v1alpha1.Workload{
		APIVersion: v1alpha1.APIVersion,
		Kind:       v1alpha1.Kind,
		Metadata: v1alpha1.Metadata{
			Name: v1alpha1.Name(w.Name), Namespace: v1alpha1.Name(w.Namespace), Version: w.Version, Labels: w.Labels, Annotations: w.Annotations,
		},
		Spec: v1alpha1.Spec{
			Replicas: w.Cluster.Replicas, Placement: w.Cluster.Placement,
			Rollout: v1alpha1.Rollout{MaxSurge: w.Cluster.MaxSurge, MaxUnavailable: w.Cluster.MaxUnavailable, Deadline: v1alpha1.Duration(w.Cluster.RolloutDeadline)},
		},
	}
	if w.Version == w.Labels[workload.VersionLabel] {
		m.Metadata.Version = "" // the label says it
	}
	stores := func(g workload.StoreGrant) v1alpha1.StoreGrant { return storeOf(g, dir) }
	for _, c := range w.Components {
		out := v1alpha1.Component{
			Name:        v1alpha1.Name(c.Name),
			Source:      v1alpha1.Source{File: c.Source.File, Image: c.Source.Image},
			Verify:      v1alpha1.Verify{Key: c.Source.Key},
			Build:       buildOf(&c.Build, dir),
			Environment: c.Environment,
			Args:        c.Args,
			Config:      c.Config,
			Features:    c.Features,
			Grants: v1alpha1.Grants{
				HTTP:     convertStrings[v1alpha1.HTTPGrant](c.Grants.HTTP),
				Sockets:  v1alpha1.SocketGrants{Connect: convertStrings[v1alpha1.SocketGrant](c.Grants.Sockets.Connect), Listen: convertStrings[v1alpha1.SocketGrant](c.Grants.Sockets.Listen)},
				Keyvalue: mapValues(c.Grants.Keyvalue, stores), Blobstore: mapValues(c.Grants.Blobstore, stores),
				SQLite:    mapValues(c.Grants.SQLite, stores),
				Postgres:  mapValues(c.Grants.Postgres, stores),
				Messaging: mapValues(c.Grants.Messaging, stores),
				Redis:     mapValues(c.Grants.Redis, stores),
				MQTT:      mapValues(c.Grants.MQTT, stores),
				Secrets: mapValues(c.Grants.Secrets, func(s workload.Secret) v1alpha1.Secret {
					if dir != "" {
						s.File = relativeTo(dir, s.File)
					}
					return v1alpha1.Secret{Env: v1alpha1.EnvName(s.Env), File: s.File}
				}),
			},
			Limits: limitsOf(c.Limits),
			Instances: v1alpha1.Instances{
				Isolation: c.Instances.Isolation, Max: c.Instances.Max, Queue: c.Instances.Queue, Ready: c.Instances.Ready,
				Concurrency: c.Instances.Concurrency, Uses: c.Instances.Uses, Idle: v1alpha1.Duration(c.Instances.Idle),
			},
			Telemetry: v1alpha1.Telemetry{Detail: c.Detail, Guest: c.GuestTelemetry, Lines: c.Lines},
		}
		for imp, to := range c.Links {
			if out.Links == nil {
				out.Links = map[string]v1alpha1.Name{}
			}
			out.Links[imp] = v1alpha1.Name(to)
		}
		for _, f := range c.Grants.Files {
			access := "write"
			if f.ReadOnly {
				access = "read"
			}
			out.Grants.Files = append(out.Grants.Files, v1alpha1.FileGrant{Host: f.Host, Guest: f.Guest, Access: access})
		}
		m.Spec.Components = append(m.Spec.Components, out)
	}
	for _, t := range w.Triggers {
		config := t.Config
		if dir != "" && config != nil {
			config = mapPaths(config, func(path string) string { return relativeTo(dir, path) })
		}
		m.Spec.Triggers = append(m.Spec.Triggers, v1alpha1.Trigger{
			Type: t.Type, Component: v1alpha1.Name(t.Component), Chain: convertStrings[v1alpha1.Name](t.Chain), Config: configMap(config),
		})
	}
	for _, s := range w.Services {
		m.Spec.Services = append(m.Spec.Services, v1alpha1.Service{
			Component: v1alpha1.Name(s.Component), Restart: s.Restart, MaxRestarts: s.MaxRestarts,
			Backoff: v1alpha1.Duration(s.Backoff), MaxBackoff: v1alpha1.Duration(s.MaxBackoff), GoodRun: v1alpha1.Duration(s.GoodRun),
		})
	}
	return m
}

func limitsOf(l workload.Limits) v1alpha1.Limits {
	return v1alpha1.Limits{
		Memory: v1alpha1.Size(l.Memory), Stack: v1alpha1.Size(l.Stack), Deadline: v1alpha1.Duration(l.Deadline), Tables: int(l.Tables), Fuel: v1alpha1.Count(l.Fuel),
		CallDepth: l.CallDepth, Handles: l.Handles, HostMemory: v1alpha1.Size(l.HostMemory), Files: l.Files, Sockets: l.Sockets, Requests: l.Requests,
		Headers: v1alpha1.Size(l.Headers), Body: v1alpha1.Size(l.Body), OutputLines: v1alpha1.Count(l.OutputLines), OutputBytes: v1alpha1.Size(l.OutputBytes),
		OutputLinesPerSecond: v1alpha1.Count(l.OutputLinesPerSecond), OutputBytesPerSecond: v1alpha1.Size(l.OutputBytesPerSecond),
	}
}

func convertStrings[T ~string](in []string) []T {
	var out []T
	for _, s := range in {
		out = append(out, T(s))
	}
	return out
}
