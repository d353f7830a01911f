// Package operator is Vitrine on Kubernetes: the definition of workloads, the operator that runs them, and what installs both.
package operator

//go:generate go run ./internal/crd/crdgen ../app/vitrine.schema.json config/base/workloads.yaml config/base/hosts.yaml
//go:generate cp config/base/workloads.yaml config/base/hosts.yaml chart/crds/
//go:generate go run ./internal/install/render chart config/base/operator.yaml
