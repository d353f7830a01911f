package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
)

// TestHands: what people change of what the operator has made becomes as it should be, and what is somebody else's is left alone.
func TestHands(t *testing.T) {
	c := start(t)
	const ns = "hands"
	c.namespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, ns, document("shop", image, ""))
	c.await(t, ns, "shop", "it is not ready", ready)
	ctx, key := context.Background(), types.NamespacedName{Namespace: ns, Name: "shop"}
	becomes := func(what string, o client.Object, ok func() bool) {
		t.Helper()
		if err := eventually(limit, what, func() error {
			if err := c.admin.Get(ctx, key, o); err != nil {
				return err
			}
			if !ok() {
				return fmt.Errorf("%+v", o)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	hand := func(args ...string) {
		t.Helper()
		if out, err := c.kubectl("", append([]string{"-n", ns}, args...)...); err != nil {
			t.Fatal(err, out)
		}
	}

	var d appsv1.Deployment
	hand("label", "deployment/shop", "app.kubernetes.io/managed-by-")
	becomes("the Deployment's label is not there again", &d, func() bool { return d.Labels["app.kubernetes.io/managed-by"] == "vitrine-operator" })
	hand("scale", "deployment/shop", "--replicas=2")
	becomes("the Deployment has not the workload's replicas", &d, func() bool { return *d.Spec.Replicas == 1 })
	hand("set", "env", "deployment/shop", "HOME=/")
	becomes("the pods' variable is not as it was", &d, func() bool {
		return slices.ContainsFunc(d.Spec.Template.Spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "HOME" && e.Value == "/tmp" })
	})
	var p networkingv1.NetworkPolicy
	hand("patch", "networkpolicy/shop", "--type=merge", "-p", `{"spec":{"egress":[{}]}}`)
	becomes("the policy stays open", &p, func() bool { return len(p.Spec.Egress) == 2 })
	hand("delete", "networkpolicy/shop")
	becomes("there is no policy", &p, func() bool { return true })
	var s corev1.Service
	hand("patch", "service/shop", "--type=merge", "-p", `{"spec":{"selector":{"vitrine.dev/workload":"other"}}}`)
	becomes("the Service leads elsewhere", &s, func() bool { return s.Spec.Selector["vitrine.dev/workload"] == "shop" })

	// The document's ConfigMap: new pods wait for it.
	hand("delete", "configmap", "-l", "vitrine.dev/workload=shop")
	hand("delete", "pod", "-l", "vitrine.dev/workload=shop", "--wait=false")
	if err := eventually(limit, "the document is not there again", func() error {
		var all corev1.ConfigMapList
		err := c.admin.List(ctx, &all, client.InNamespace(ns), client.MatchingLabels{"vitrine.dev/workload": "shop"})
		if err == nil && len(all.Items) != 1 {
			err = fmt.Errorf("%d ConfigMaps", len(all.Items))
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	c.await(t, ns, "shop", "it is not ready again", ready)

	// A Service that has become somebody else's is not taken back.
	before := len(s.Labels)
	if err := c.admin.Get(ctx, key, &s); err != nil || before == 0 {
		t.Fatal(err)
	}
	s.Labels, s.OwnerReferences, s.Spec.Selector = nil, nil, map[string]string{"app": "other"}
	if err := c.admin.Update(ctx, &s); err != nil {
		t.Fatal(err)
	}
	c.await(t, ns, "shop", "nobody says that the name is taken", because("NameTaken"))
	if err := c.admin.Get(ctx, key, &s); err != nil || s.Spec.Selector["app"] != "other" || len(s.OwnerReferences) != 0 {
		t.Errorf("the Service of somebody else is %+v, %v", s, err)
	}
	hand("delete", "service/shop")
	c.apply(t, ns, strings.Replace(document("shop", image, ""), "LOG: debug", "LOG: info", 1))
	c.await(t, ns, "shop", "it is not ready with the name free", ready)

	// Without a trigger nothing is left of what it listened with.
	text := document("shop", image, "")
	c.apply(t, ns, text[:strings.Index(text, "  triggers:")])
	if err := eventually(limit, "the Service is left", func() error {
		if err := c.admin.Get(ctx, key, &s); !apierrors.IsNotFound(err) {
			return fmt.Errorf("there is one, %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	becomes("the policy lets in", &p, func() bool { return len(p.Spec.Ingress) == 0 })
	c.await(t, ns, "shop", "the status has an address", func(w *api.Workload) bool { return w.Status.URL == "" && w.Status.ObservedGeneration == w.Generation })
}
