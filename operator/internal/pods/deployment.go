package pods

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Where things are in pods.
const (
	documentFile   = "vitrine.yaml"
	documentFolder = "/etc/vitrine"
	registryFolder = "/etc/vitrine-registry"
	cacheFolder    = "/var/cache/vitrine"
	cacheVolume    = "/cache" // the cache's volume, in the container that makes the folder below
	cacheOwn       = "own"    // the folder of the volume that is the cache
	stateFolder    = "/var/lib/vitrine"
	binary         = "/vitrine" // in the image
	container      = "vitrine"
	user           = 65532 // "nonroot" of common images
)

// Times of a pod's end. The kubelet sends SIGTERM while others still send requests to the pod: it takes them for drainDelay, lets those under
// way go on for as long as the longest deadline, and has closing for what remains: telemetry, the rest of the log.
const (
	drainDelay = 5 * time.Second
	closing    = 10 * time.Second
)

// deployment is the Deployment.
func deployment(w *api.Workload, d *v1alpha1.Spec, doc *document, documentName string, listens []port, cfg Config) *appsv1.Deployment {
	out := &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: meta(w, w.Name)}
	replicas := int32(1)
	if d.Replicas != nil {
		replicas = int32(*d.Replicas)
	}
	history, deadline := int32(3), int32(600)
	if s := time.Duration(d.Rollout.Deadline); s > 0 {
		deadline = int32(min(max(s/time.Second, 1), 1<<30))
	}
	surge, unavailable := rollout(&d.Rollout)
	out.Spec = appsv1.DeploymentSpec{
		Replicas: &replicas, RevisionHistoryLimit: &history, ProgressDeadlineSeconds: &deadline,
		Selector: &metav1.LabelSelector{MatchLabels: Selector(w.Name)},
		Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable}},
		Template: template(w, d, doc, documentName, listens, cfg),
	}
	out.Annotations = map[string]string{AnnotationTemplate: digest(&out.Spec.Template)}
	return out
}

// rollout is how many pods more and fewer there may be meanwhile. Kubernetes takes no two zeros.
func rollout(r *v1alpha1.Rollout) (surge, unavailable intstr.IntOrString) {
	s, u := 1, 0
	switch {
	case r.MaxSurge != nil && r.MaxUnavailable != nil:
		s, u = *r.MaxSurge, *r.MaxUnavailable
	case r.MaxSurge != nil:
		s = *r.MaxSurge
	case r.MaxUnavailable != nil:
		s, u = 0, *r.MaxUnavailable
	}
	if s == 0 && u == 0 {
		u = 1
	}
	return intstr.FromInt32(int32(s)), intstr.FromInt32(int32(u))
}

func template(w *api.Workload, d *v1alpha1.Spec, doc *document, documentName string, listens []port, cfg Config) corev1.PodTemplateSpec {
	yes, no, id := true, false, int64(user)
	longest := time.Duration(0)
	for _, c := range d.Components {
		longest = max(longest, cmp.Or(time.Duration(c.Limits.Deadline), defaultDeadline))
	}
	grace := int64((drainDelay + min(longest, 24*time.Hour) + closing) / time.Second)
	c := corev1.Container{
		Name: container, Image: cfg.Image, ImagePullPolicy: cfg.PullPolicy, Command: []string{binary}, Args: arguments(cfg), Env: environment(w, doc, cfg),
		Ports:     []corev1.ContainerPort{{Name: "admin", ContainerPort: adminPort, Protocol: corev1.ProtocolTCP}},
		Resources: resources(d),
		// Before it answers at all it fetches its images, which may take longer than a process that hangs is let be.
		StartupProbe: probe("/livez", 2, 450), ReadinessProbe: probe("/readyz", 5, 1), LivenessProbe: probe("/livez", 10, 6),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError, // so that the status has why it did not start
		SecurityContext:          confined(),
	}
	for _, p := range listens {
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: p.name, ContainerPort: p.target, Protocol: p.protocol()})
	}
	volumes := []corev1.Volume{documentVolume(w, doc, documentName)}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "document", MountPath: documentFolder, ReadOnly: true}}
	for _, v := range []struct{ name, path, within, size string }{{"cache", cacheFolder, cacheOwn, "2Gi"}, {"state", stateFolder, "", "4Gi"}, {"tmp", "/tmp", "", "1Gi"}} {
		size := resource.MustParse(v.size)
		volumes = append(volumes, corev1.Volume{Name: v.name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size}}})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: v.name, MountPath: v.path, SubPath: v.within})
	}
	if name := w.Annotations[api.AnnotationRegistry]; name != "" {
		volumes = append(volumes, corev1.Volume{Name: "registry", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name,
			Items: []corev1.KeyToPath{{Key: corev1.DockerConfigJsonKey, Path: "config.json"}}}}})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "registry", MountPath: registryFolder, ReadOnly: true})
		c.Env = append(c.Env, corev1.EnvVar{Name: "DOCKER_CONFIG", Value: registryFolder})
	}
	m := meta(w, "")
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: m.Labels, Annotations: map[string]string{"kubectl.kubernetes.io/default-container": container}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{cacheMaker(cfg)}, Containers: []corev1.Container{c}, Volumes: volumes, TerminationGracePeriodSeconds: &grace,
			AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes, RunAsUser: &id, RunAsGroup: &id,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: corev1.LabelHostname,
				WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: &metav1.LabelSelector{MatchLabels: Selector(w.Name)}}},
		},
	}
}

// confined is what the containers may do: nothing that the system's user may.
func confined() *corev1.SecurityContext {
	yes, no := true, false
	return &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Privileged: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
}

// cacheMaker makes the folder of the cache. The folder of a volume is the system's user's, and everybody can write to it, so that vitrine
// would keep no compiled code in it, and compile anew at each start; its own folder within is mounted in its place. (There is no group of
// volumes, fsGroup, since a kubelet has all that is in one be written to by that group.)
func cacheMaker(cfg Config) corev1.Container {
	memory := resource.MustParse("64Mi")
	return corev1.Container{
		Name: "cache", Image: cfg.Image, ImagePullPolicy: cfg.PullPolicy, Command: []string{binary}, Args: []string{"folder", cacheVolume + "/" + cacheOwn},
		VolumeMounts: []corev1.VolumeMount{{Name: "cache", MountPath: cacheVolume}}, SecurityContext: confined(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceMemory: memory, corev1.ResourceCPU: *resource.NewMilliQuantity(50, resource.DecimalSI)},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: memory},
		},
	}
}

// defaultDeadline is that of a component whose limits say none (workload.Limits.Filled).
const defaultDeadline = 30 * time.Second

func arguments(cfg Config) []string {
	args := []string{"up", documentFolder + "/" + documentFile, "--listen=:" + strconv.Itoa(httpPort), "--admin=:" + strconv.Itoa(adminPort),
		"--drain-delay=" + drainDelay.String(), "--cache-dir=" + cacheFolder, "--state-dir=" + stateFolder}
	if cfg.PlainHTTP {
		args = append(args, "--plain-http")
	}
	return args
}

// environment has what vitrine reads of the pod (its resource attributes k8s.*), where telemetry goes, and the secrets, each by reference.
func environment(w *api.Workload, doc *document, cfg Config) []corev1.EnvVar {
	field := func(name, path string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}}
	}
	out := []corev1.EnvVar{
		field("K8S_POD_NAME", "metadata.name"), field("K8S_POD_UID", "metadata.uid"), field("K8S_NAMESPACE_NAME", "metadata.namespace"), field("K8S_NODE_NAME", "spec.nodeName"),
		{Name: "K8S_DEPLOYMENT_NAME", Value: w.Name}, {Name: "K8S_CONTAINER_NAME", Value: container}, {Name: "HOME", Value: "/tmp"},
	}
	out = append(out, cfg.Environment...)
	secret := cmp.Or(w.Annotations[api.AnnotationSecret], w.Name)
	for _, s := range doc.secrets {
		out = append(out, corev1.EnvVar{Name: s.env, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: s.key}}})
	}
	return slices.Clip(out)
}

// documentVolume has the document, and beside it the files that it names.
func documentVolume(w *api.Workload, doc *document, documentName string) corev1.Volume {
	sources := []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: documentName}}}}
	if len(doc.files) > 0 {
		files := &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: cmp.Or(w.Annotations[api.AnnotationConfigMap], w.Name)}}
		for _, f := range doc.files {
			files.Items = append(files.Items, corev1.KeyToPath{Key: f, Path: filesFolder + "/" + f})
		}
		sources = append(sources, corev1.VolumeProjection{ConfigMap: files})
	}
	return corev1.Volume{Name: "document", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources}}}
}

// probe asks the endpoint for operators.
func probe(path string, period, failures int32) *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: period, FailureThreshold: failures, TimeoutSeconds: 5,
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("admin")}}}
}

// Memory of a pod, in bytes. A host bounds its instances together by three quarters of what its control group has (--memory-budget), so that
// requests wait where memory is short, and no process is killed: the limit is such that an instance of each component fits into that.
const (
	ofHost     = 96 << 20 // the process with no instance
	ofInstance = 16 << 20 // what most components use of their limit
	ofDefault  = 1 << 30  // the limit of a component that has none (workload.Limits.Filled)
)

// resources are what the pod asks for and may have: the components' limits. It has no limit of processor time, which would make every answer
// slower where there is time to spare.
func resources(d *v1alpha1.Spec) corev1.ResourceRequirements {
	request, limit := int64(ofHost), int64(ofHost)
	for _, c := range d.Components {
		memory := int64(min(uint64(cmp.Or(c.Limits.Memory, ofDefault)), 1<<40))
		limit += memory
		request += min(memory, ofInstance)
	}
	const mebi = 1 << 20
	limit = (limit*4/3 + mebi - 1) / mebi * mebi
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(request, resource.BinarySI), corev1.ResourceCPU: *resource.NewMilliQuantity(50, resource.DecimalSI)},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(limit, resource.BinarySI)},
	}
}
