package app

import (
	"github.com/vitrine-wasm/vitrine/workload"
)

// Of is the manifest that a specification stands for: what `vitrine up --write` prints. Its paths are those of w.
func Of(w *workload.Spec) *Manifest {
	m := &Manifest{
		APIVersion: APIVersion,
		Kind:       Kind,
		Metadata: Metadata{
			Name: Name(w.Name), Namespace: Name(w.Namespace), Version: w.Version, Labels: w.Labels, Annotations: w.Annotations,
		},
	}
	for _, c := range w.Components {
		out := Component{
			Name:        Name(c.Name),
			Source:      Source{File: c.Source.File, Image: c.Source.Image},
			Build:       Build{Command: c.Build.Command, Watch: c.Build.Watch},
			Environment: c.Environment,
			Args:        c.Args,
			Config:      c.Config,
			Grants: Grants{
				HTTP:    named[HTTPGrant](c.Grants.HTTP),
				Sockets: SocketGrants{Connect: named[SocketGrant](c.Grants.Sockets.Connect), Listen: named[SocketGrant](c.Grants.Sockets.Listen)},
			},
			Limits: limitsOf(c.Limits),
			Instances: Instances{
				Isolation: c.Instances.Isolation, Max: c.Instances.Max, Queue: c.Instances.Queue, Ready: c.Instances.Ready,
				Concurrency: c.Instances.Concurrency, Uses: c.Instances.Uses, Idle: Duration(c.Instances.Idle),
			},
			Telemetry: Telemetry{Detail: c.Detail},
		}
		for imp, to := range c.Links {
			if out.Links == nil {
				out.Links = map[string]Name{}
			}
			out.Links[imp] = Name(to)
		}
		for _, f := range c.Grants.Files {
			access := "write"
			if f.ReadOnly {
				access = "read"
			}
			out.Grants.Files = append(out.Grants.Files, FileGrant{Host: f.Host, Guest: f.Guest, Access: access})
		}
		m.Spec.Components = append(m.Spec.Components, out)
	}
	for _, t := range w.Triggers {
		m.Spec.Triggers = append(m.Spec.Triggers, Trigger{Type: t.Type, Component: Name(t.Component), Config: t.Config})
	}
	for _, s := range w.Services {
		m.Spec.Services = append(m.Spec.Services, Service{Component: Name(s.Component)})
	}
	return m
}

func limitsOf(l workload.Limits) Limits {
	return Limits{
		Memory: Size(l.Memory), Stack: Size(l.Stack), Deadline: Duration(l.Deadline), Tables: int(l.Tables), Fuel: Count(l.Fuel),
		CallDepth: l.CallDepth, Handles: l.Handles, HostMemory: Size(l.HostMemory), Files: l.Files, Sockets: l.Sockets, Requests: l.Requests,
		Headers: Size(l.Headers), Body: Size(l.Body), OutputLines: Count(l.OutputLines), OutputBytes: Size(l.OutputBytes),
		OutputLinesPerSecond: Count(l.OutputLinesPerSecond), OutputBytesPerSecond: Size(l.OutputBytesPerSecond),
	}
}

func named[T ~string](in []string) []T {
	var out []T
	for _, s := range in {
		out = append(out, T(s))
	}
	return out
}
