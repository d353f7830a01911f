package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
)

const (
	wanted = "digests.vitrine.dev/wanted" // "true" on what has digests, "made" on what has them
	suffix = "-digests"
)

// What a reconcile has come to.
const (
	unchanged = "unchanged"
	applied   = "applied"
	gone      = "gone" // the garbage collector of Kubernetes removes the digests of what is gone
	failed    = "failed"
)

// reconcile has the digests of a ConfigMap be what they should be.
func reconcile(ctx context.Context, api *api, c *cache, name string) (string, error) {
	of := c.get(name)
	if of == nil || of.Metadata.Labels[wanted] != "true" {
		return gone, nil
	}
	want := digests(of)
	if is := c.get(name + suffix); is != nil && maps.Equal(is.Data, want.Data) && ownedBy(is, of) {
		return unchanged, nil
	}
	if err := api.apply(ctx, want); err != nil {
		return failed, err
	}
	return applied, nil
}

// digests is the ConfigMap that should be there for another one.
func digests(of *configMap) *configMap {
	data := map[string]string{}
	for key, value := range of.Data {
		sum := sha256.Sum256([]byte(value))
		data[key] = hex.EncodeToString(sum[:])
	}
	yes := true
	return &configMap{
		APIVersion: "v1", Kind: "ConfigMap", Data: data,
		Metadata: metadata{
			Name: of.Metadata.Name + suffix, Labels: map[string]string{wanted: "made"},
			OwnerReferences: []owner{{APIVersion: "v1", Kind: "ConfigMap", Name: of.Metadata.Name, UID: of.Metadata.UID, Controller: &yes}},
		},
	}
}

func ownedBy(is, of *configMap) bool {
	for _, o := range is.Metadata.OwnerReferences {
		if o.UID == of.Metadata.UID && o.Controller != nil && *o.Controller {
			return true
		}
	}
	return false
}

// nameOf is the ConfigMap that has to be reconciled when one has changed: it, or the one that it has the digests of.
func nameOf(c *configMap) string {
	if c.Metadata.Labels[wanted] == "made" {
		for _, o := range c.Metadata.OwnerReferences {
			if o.Kind == "ConfigMap" {
				return o.Name
			}
		}
	}
	return c.Metadata.Name
}
