package pods

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// onDisk are types of backends that keep data in files.
var onDisk = []string{"sqlite", "folder"}

// refuse finds what a document says of the machine that it runs on: pods have none of its files.
func refuse(d *v1alpha1.Spec) error {
	if len(d.Components) == 0 {
		return &Refusal{"DocumentRefused", "spec.components: there is no component"}
	}
	for i := range d.Components {
		c := &d.Components[i]
		key := fmt.Sprintf("spec.components[%d]", i)
		switch {
		case c.Source.File != "":
			return &Refusal{"LocalFile", fmt.Sprintf("%s.source.file: %s is a file of your machine, which a cluster does not have: bring it to a registry by `vitrine push`, and name it by source: {image: …}", key, c.Source.File)}
		case c.Source.Image == "":
			return &Refusal{"DocumentRefused", key + ".source: there is no image"}
		case len(c.Grants.Files) > 0:
			return &Refusal{"HostFolder", fmt.Sprintf("%s.grants.files[0].host: %s is a folder of your machine, which a pod does not have: use grants.blobstore or grants.keyvalue with a server", key, c.Grants.Files[0].Host)}
		}
		if err := refuseStores(c, key); err != nil {
			return err
		}
	}
	return refuseTriggers(d)
}

// stores are a component's grants of stores, by their keys.
func stores(g *v1alpha1.Grants) map[string]map[string]v1alpha1.StoreGrant {
	return map[string]map[string]v1alpha1.StoreGrant{"keyvalue": g.Keyvalue, "blobstore": g.Blobstore, "sqlite": g.SQLite, "postgres": g.Postgres,
		"messaging": g.Messaging, "redis": g.Redis, "mqtt": g.MQTT}
}

func refuseStores(c *v1alpha1.Component, key string) error {
	all := stores(&c.Grants)
	for _, plugin := range slices.Sorted(maps.Keys(all)) {
		for _, name := range slices.Sorted(maps.Keys(all[plugin])) {
			g := all[plugin][name]
			at := fmt.Sprintf("%s.grants.%s.%q.%s", key, plugin, name, g.Type)
			if slices.Contains(onDisk, g.Type) {
				return &Refusal{"LocalData", at + ": pods come and go with their files: use a server, such as nats, redis, postgres or s3, or name no backend for data that may go with its pod"}
			}
			config, _ := g.Config.(map[string]any)
			switch {
			case config["credentials"] != nil:
				return &Refusal{"LocalFile", at + ".credentials: a pod has no file of credentials; use a password or a token, from the Secret"}
			case config["ca"] != nil:
				return &Refusal{"LocalFile", at + ".ca: a pod has no file of authorities but those in the image of vitrine; add it there"}
			}
		}
	}
	return nil
}

// refuseNames finds names that Kubernetes does not take where pods have them.
func refuseNames(w *api.Workload) error {
	for _, key := range []string{api.AnnotationSecret, api.AnnotationConfigMap, api.AnnotationRegistry} {
		if v := w.Annotations[key]; v != "" && len(validation.IsDNS1123Subdomain(v)) > 0 {
			return &Refusal{"BadName", fmt.Sprintf("metadata.annotations[%s]: %q is no name of an object in the workload's namespace; want lower-case letters, digits, hyphens and dots", key, v)}
		}
	}
	return nil
}

func refuseTriggers(d *v1alpha1.Spec) error {
	for i, t := range d.Triggers {
		key := fmt.Sprintf("spec.triggers[%d].%s", i, t.Type)
		switch {
		case t.Config["static"] != nil:
			return &Refusal{"LocalFile", key + ".static: a pod has no folder of your machine; have a component serve the files"}
		case t.Config["tls"] != nil:
			return &Refusal{"LocalFile", key + ".tls: a pod has no certificate; have an Ingress or a Gateway end TLS"}
		}
	}
	return nil
}
