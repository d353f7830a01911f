package crd

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/yaml"
)

// MakeHosts returns the definitions of hosts and assignments as YAML. Agents and the operator write them, so that they are of the types of package api and
// need no more rules than what one has written about the other.
func MakeHosts() ([]byte, error) {
	out := []byte("# Made by `go generate ./...`; do not edit.\n")
	for i, d := range []object{hostDefinition(), assignmentDefinition()} {
		text, err := yaml.Marshal(d)
		if err != nil {
			return nil, fmt.Errorf("writing the definition: %w", err)
		}
		if i > 0 {
			out = append(out, "---\n"...)
		}
		out = append(out, bytes.TrimLeft(text, "\n")...)
	}
	return out, nil
}

func text(description string) object { return object{"type": "string", "description": description} }

func texts(description string) object {
	return object{"type": "array", "description": description, "maxItems": 256, "x-kubernetes-list-type": "atomic", "items": object{"type": "string", "maxLength": 253}}
}

func number(format, description string) object {
	return object{"type": "integer", "format": format, "minimum": 0, "description": description}
}

func fixed(of object) object {
	addRule(of, object{"rule": "self == oldSelf", "message": "it cannot change"})
	return of
}

// internalDefinition is the definition of a kind that the operator and agents write.
func internalDefinition(kind, plural, description string, spec, status object, required []any, columns, selectable []any) object {
	version := object{
		"name": Version, "served": true, "storage": true,
		"schema": object{"openAPIV3Schema": object{
			"type": "object", "description": description, "required": []any{"spec"},
			"properties": object{
				"apiVersion": object{"type": "string"}, "kind": object{"type": "string"}, "metadata": object{"type": "object"},
				"spec":   object{"type": "object", "required": required, "properties": spec},
				"status": object{"type": "object", "properties": status},
			},
		}},
		"subresources":             object{"status": object{}},
		"additionalPrinterColumns": columns,
	}
	if len(selectable) > 0 {
		version["selectableFields"] = selectable
	}
	return object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": plural + "." + Group, "labels": object{"app.kubernetes.io/part-of": "vitrine"}},
		"spec": object{
			"group": Group, "scope": "Namespaced",
			"names":    object{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": plural[:len(plural)-1]},
			"versions": []any{version},
		},
	}
}

func hostDefinition() object {
	return internalDefinition("Host", "hosts", "A process that runs many workloads; its agent writes it.", object{
		"address": text("Where its workloads are reached, an IP address."), "version": text("The version of vitrine."), "architecture": text("The processor's, as Go names it."),
		"plugins": texts("Kinds of grants that it serves, and types of triggers."), "memory": number("int64", "Bytes that all instances may have together."),
		"unschedulable": object{"type": "boolean", "description": "It gets no workload more; those it has go on."},
	}, object{
		"draining":  object{"type": "boolean", "description": "It is about to end: its workloads are moved."},
		"workloads": number("int32", "Workloads that run."), "memory": number("int64", "Bytes that instances have."), "running": number("int32", "Invocations that run."),
	}, []any{"address", "memory"}, []any{
		column("Address", "string", ".spec.address", "Where its workloads are reached.", nil), column("Workloads", "integer", ".status.workloads", "How many run.", nil),
		column("Memory", "integer", ".spec.memory", "Bytes that all instances may have.", nil), column("Used", "integer", ".status.memory", "Bytes that they have.", nil),
		column("Draining", "boolean", ".status.draining", "Whether it is about to end.", nil), column("Version", "string", ".spec.version", "", nil), column("Age", "date", ".metadata.creationTimestamp", "", nil),
	}, nil)
}

func assignmentDefinition() object {
	return internalDefinition("Assignment", "assignments", "One replica of a workload on one host; the operator writes it, and the host's agent its status.", object{
		"host": fixed(text("The host's name.")), "workload": fixed(text("The workload's name.")), "document": text("What vitrine gets."), "digest": text("What the document is told by."),
		"memory": number("int64", "Bytes that it is reckoned to need."), "secret": text("The Secret with the keys below."), "secretKeys": texts("Keys of the Secret that the document names."),
		"configMap": text("The ConfigMap with the keys below."), "fileKeys": texts("Keys of the ConfigMap that the document names."), "traceparent": text("The trace that its start is a part of."),
	}, object{
		"ready": object{"type": "boolean", "description": "A document of it answers."}, "digest": text("That of the document that runs."), "port": number("int32", "Where it answers."),
		"failed": text("The digest of the document that could not be started."), "reason": text("Why, in a word."), "message": text("Why, in a sentence."),
	}, []any{"host", "workload", "document", "digest", "memory"}, []any{
		column("Workload", "string", ".spec.workload", "", nil), column("Host", "string", ".spec.host", "", nil), column("Ready", "boolean", ".status.ready", "Whether it answers.", nil),
		column("Reason", "string", ".status.reason", "Why a document could not be started.", nil), column("Age", "date", ".metadata.creationTimestamp", "", nil),
	}, []any{object{"jsonPath": ".spec.host"}})
}
