package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
	"github.com/vitrine-wasm/vitrine/operator/internal/why"
)

// served is one workload of the host. Each has a goroutine of its own, so that none waits for another one's fetch.
type served struct {
	a    *Agent
	key  types.NamespacedName
	wake chan struct{}

	// What the engine runs: of which of its starts, and by which digest; "" nothing.
	start  int64
	digest string
	known  api.AssignmentStatus // as it was written last, for uid
	uid    types.UID
	wait   time.Duration // until what has failed is tried again
	next   time.Time
}

func (w *served) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// retryMin and retryMax bound how long what has failed waits to be tried again.
const (
	retryMin = time.Second
	retryMax = 15 * time.Second
)

// run has the engine serve what is assigned, until nothing is, or ctx ends.
func (w *served) run(ctx context.Context) {
	for ctx.Err() == nil {
		w.a.mu.Lock()
		want := w.a.assigned[w.key]
		w.a.mu.Unlock()
		if want == nil {
			if w.end(ctx) {
				return
			}
			continue
		}
		var timer <-chan time.Time
		if again := w.bring(ctx, want); again > 0 {
			timer = time.After(again)
		}
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer:
		}
	}
}

// end stops the workload after the delay, unless it is assigned again; it says whether it has ended.
func (w *served) end(ctx context.Context) bool {
	late := time.NewTimer(w.a.Delay)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return true // the engine ends, too
	case <-w.wake:
		return false
	case <-late.C:
	}
	if w.digest != "" && w.a.engine.up.Load() {
		if _, err := w.a.engine.ask(ctx, http.MethodDelete, place(w.key.Namespace, w.key.Name), nil, ""); err != nil {
			w.a.Log.Warn("a workload has not ended as it should", "workload", w.key.String(), "error", err)
		}
	}
	w.digest = ""
	if err := os.RemoveAll(w.folder()); err != nil {
		w.a.Log.Warn("files of a workload are left", "workload", w.key.String(), "error", err)
	}
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	if w.a.assigned[w.key] != nil {
		return false
	}
	delete(w.a.workloads, w.key)
	return true
}

// bring has the engine serve the assignment, and says what became of it. again is when to look again; 0: when something changes.
func (w *served) bring(ctx context.Context, want *api.Assignment) (again time.Duration) {
	if !w.a.engine.up.Load() {
		w.digest = ""
		w.tell(ctx, want, api.AssignmentStatus{Reason: "HostStarting", Message: "vitrine starts on the host"})
		return 0
	}
	if start := w.a.engine.start.Load(); start != w.start {
		w.start, w.digest, w.next = start, "", time.Time{}
	}
	if w.digest == want.Spec.Digest {
		return w.settled(ctx, want)
	}
	if w.known.Failed == want.Spec.Digest && w.uid == want.UID {
		if rest := time.Until(w.next); rest > 0 {
			return rest
		}
	} else {
		w.wait = 0
	}
	select {
	case w.a.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	err := w.put(ctx, want)
	<-w.a.slots
	if err == nil {
		w.digest, w.wait = want.Spec.Digest, 0
		return w.settled(ctx, want)
	}
	s := w.present(ctx)
	s.Failed = want.Spec.Digest
	s.Reason, s.Message = reasonOf(err)
	w.tell(ctx, want, s)
	w.wait = min(max(2*w.wait, retryMin), retryMax)
	w.next = time.Now().Add(w.wait)
	return w.wait
}

// present is the status of what runs.
func (w *served) present(ctx context.Context) api.AssignmentStatus {
	if w.digest == "" {
		return api.AssignmentStatus{}
	}
	s, err := w.a.engine.state(ctx)
	if err != nil {
		return api.AssignmentStatus{}
	}
	port, runs := s.port(w.key.Namespace, w.key.Name)
	return api.AssignmentStatus{Ready: runs, Digest: w.digest, Port: port}
}

// settled says that the assignment is served.
func (w *served) settled(ctx context.Context, want *api.Assignment) time.Duration {
	s := w.present(ctx)
	if !s.Ready {
		w.digest = "" // it is started again
		w.tell(ctx, want, s)
		return retryMin
	}
	if !w.tell(ctx, want, s) {
		return retryMin
	}
	return 0
}

// tell writes the assignment's status unless it is that.
func (w *served) tell(ctx context.Context, want *api.Assignment, s api.AssignmentStatus) bool {
	if w.uid == want.UID && w.known == s {
		return true
	}
	// All of it is written, whatever the object has.
	text, err := json.Marshal(map[string]any{"status": map[string]any{"ready": s.Ready, "digest": s.Digest, "port": s.Port, "failed": s.Failed, "reason": s.Reason, "message": s.Message}})
	if err == nil {
		err = w.a.client.Status().Patch(ctx, want.DeepCopy(), client.RawPatch(types.MergePatchType, text))
	}
	if err != nil {
		if !apierrors.IsNotFound(err) {
			w.a.Log.Warn("nobody knows of a workload's state", "workload", w.key.String(), "error", err)
		}
		return false
	}
	w.uid, w.known = want.UID, s
	return true
}

func (w *served) folder() string {
	return filepath.Join(w.a.Folder, "files", w.key.Namespace, w.key.Name)
}

// missingError is that an object that the assignment names is not there, or may not be read.
type missingError struct{ reason, message string }

func (e *missingError) Error() string { return e.message }

// put brings the files that the document names, and has the engine start it.
func (w *served) put(ctx context.Context, want *api.Assignment) error {
	if want.Spec.Secret != "" {
		var s corev1.Secret
		if err := w.read(ctx, "Secret", want.Spec.Secret, &s); err != nil {
			return err
		}
		if err := w.write(pods.SecretsFolder, want.Spec.SecretKeys, "Secret", &s, func(key string) ([]byte, bool) { v, ok := s.Data[key]; return v, ok }); err != nil {
			return err
		}
	}
	if want.Spec.ConfigMap != "" {
		var m corev1.ConfigMap
		if err := w.read(ctx, "ConfigMap", want.Spec.ConfigMap, &m); err != nil {
			return err
		}
		if err := w.write(pods.FilesFolder, want.Spec.FileKeys, "ConfigMap", &m, func(key string) ([]byte, bool) { v, ok := m.Data[key]; return []byte(v), ok }); err != nil {
			return err
		}
	}
	_, err := w.a.engine.ask(ctx, http.MethodPut, place(w.key.Namespace, w.key.Name), []byte(want.Spec.Document), want.Spec.Traceparent)
	return err
}

// read reads an object of the workload's namespace.
func (w *served) read(ctx context.Context, kind, name string, o client.Object) error {
	err := w.a.client.Get(ctx, types.NamespacedName{Namespace: w.key.Namespace, Name: name}, o)
	switch {
	case apierrors.IsNotFound(err):
		return &missingError{kind + "Missing", fmt.Sprintf("%s %q not found: make it, with the keys that the document names", strings.ToLower(kind), name)}
	case apierrors.IsForbidden(err):
		return &missingError{kind + "Forbidden", fmt.Sprintf("hosts may not read the %s %q: who administers the namespace allows it by a RoleBinding of the ClusterRole vitrine-host-files to their ServiceAccount", kind, name)}
	case err != nil:
		return fmt.Errorf("reading the %s %s: %w", kind, name, err)
	}
	return nil
}

// write writes keys as files that this user alone can read.
func (w *served) write(folder string, keys []string, kind string, o metav1.Object, get func(string) ([]byte, bool)) error {
	dir := filepath.Join(w.folder(), folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, key := range keys {
		v, ok := get(key)
		if !ok {
			return &missingError{kind + "Missing", fmt.Sprintf("the %s %s has no key %s: add it", kind, o.GetName(), key)}
		}
		file := filepath.Join(dir, filepath.Base(key))
		if err := os.WriteFile(file+".new", v, 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return err
		}
	}
	return nil
}

// reasonOf is why an assignment is not served, in a word and in a sentence.
func reasonOf(err error) (reason, message string) {
	var missing *missingError
	var refused refusedError
	switch {
	case errors.As(err, &missing):
		return missing.reason, missing.message
	case errors.As(err, &refused):
		return why.Start(string(refused), true), why.Cut(string(refused))
	}
	return "HostFailed", why.Cut(err.Error())
}
