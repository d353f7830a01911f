package washconfig

import (
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// manifest is a Workload, or a WorkloadDeployment, which has one as its template.
func (i *importer) manifest(t foreign.Table) error {
	meta := t.Sub("metadata")
	i.workload.Metadata.Name = i.name(meta.At("name"), meta.Text("name"))
	clear(i.taken)
	if ns := meta.Text("namespace"); ns != "" {
		i.workload.Metadata.Namespace = i.name(meta.At("namespace"), ns)
		clear(i.taken)
	}
	for _, key := range []string{"labels", "annotations"} {
		meta.Take(key)
	}
	meta.Rest(nil)
	t.Take("apiVersion")
	spec := t.Sub("spec")
	kind := t.Text("kind")
	t.Rest(nil)
	if kind == "WorkloadDeployment" {
		deployment := spec
		template := deployment.Sub("template")
		spec = template.Sub("spec")
		deployment.Rest(map[string]string{"replicas": "there is one process", "kubernetes": "write the Service by hand", "deployPolicy": "there is one process"})
	}
	volumes := i.volumes(spec)
	for n, v := range spec.List("components") {
		c, ok := i.Table(fmt.Sprintf("%s[%d]", spec.At("components"), n), v)
		if ok {
			i.workload.Spec.Components = append(i.workload.Spec.Components, i.part(c, volumes))
		}
	}
	if s := spec.Sub("service"); s.Map != nil {
		service := i.part(s, volumes)
		restarts, limited := s.Take("maxRestarts").(int64)
		made := v1alpha1.Service{Component: service.Name}
		if most := int(restarts); limited && restarts >= 0 && restarts < 1<<31 {
			made.MaxRestarts = &most
		}
		i.workload.Spec.Components = append(i.workload.Spec.Components, service)
		i.workload.Spec.Services = append(i.workload.Spec.Services, made)
	}
	if len(i.workload.Spec.Components) == 0 {
		return errors.New("there is no component")
	}
	main := i.workload.Spec.Components[0].Name
	i.hostInterfaces(spec.List("hostInterfaces"), spec.At("hostInterfaces"), main)
	spec.Rest(map[string]string{"hostSelector": "there is one host", "hostId": "there is one host", "kubernetes": "write the Service by hand"})
	serves := len(i.workload.Spec.Services) == 0 || i.workload.Spec.Services[0].Component != main
	i.finish(serves, main)
	if n := len(i.workload.Spec.Components) - len(i.workload.Spec.Services); n > 1 {
		i.Note(spec.At("components"), "%s gets the requests here, and no component is linked to another: wasmCloud does that by what they export; write links, and triggers for others", main)
	}
	return nil
}

// part is a component, or the service.
func (i *importer) part(t foreign.Table, volumes map[string]string) v1alpha1.Component {
	name := t.Text("name")
	if name == "" {
		name = "service"
	}
	c := v1alpha1.Component{Name: i.name(t.At("name"), name)}
	i.source(t, &c)
	i.pool(t, &c)
	local := t.Sub("localResources")
	for n, v := range local.List("volumeMounts") {
		at := fmt.Sprintf("%s[%d]", local.At("volumeMounts"), n)
		mount, _ := i.Table(at, v)
		access := "write"
		if mount.Truth("readOnly") {
			access = "read"
		}
		host := volumes[mount.Text("name")]
		if guest := mount.Text("mountPath"); host != "" && guest != "" {
			c.Grants.Files = append(c.Grants.Files, v1alpha1.FileGrant{Host: host, Guest: guest, Access: access})
		} else {
			i.Note(at, "left out: the volume is no folder of the host; write grants.files")
		}
	}
	i.resources(local, &c, true)
	t.Take("imagePullPolicy")
	t.Take("imagePullSecret")
	t.Take("maxRestarts")
	t.Rest(nil)
	return c
}

// volumes are the folders of the host, by the names of volumes.
func (i *importer) volumes(spec foreign.Table) map[string]string {
	folders := map[string]string{}
	for n, v := range spec.List("volumes") {
		volume, _ := i.Table(fmt.Sprintf("%s[%d]", spec.At("volumes"), n), v)
		if folder := volume.Sub("hostPath").Text("path"); folder != "" {
			folders[volume.Text("name")] = folder
		}
	}
	return folders
}
