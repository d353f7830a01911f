package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// MaxArtifact bounds a component's size in bytes.
const MaxArtifact = 1 << 30

// TooLargeError says that a file is larger than a component may be.
type TooLargeError struct{ File string }

// Error names the file and the bound.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s: the file is larger than the %s that a component may have", e.File, workload.FormatSize(MaxArtifact))
}

func tooLarge(file string) error { return cm.Limited("componentSize", &TooLargeError{file}) }

// NoFileError says that the source of a component is not a regular file but a folder, pipe or device, which may have no end.
type NoFileError struct {
	File string
	Mode os.FileMode
}

// Error names the file and what it is.
func (e *NoFileError) Error() string {
	what := "no file"
	switch {
	case e.Mode.IsDir():
		what = "a folder"
	case e.Mode&os.ModeNamedPipe != 0:
		what = "a pipe"
	case e.Mode&os.ModeSocket != 0:
		what = "a socket"
	case e.Mode&os.ModeDevice != 0:
		what = "a device"
	}
	return fmt.Sprintf("%s is %s; a component is read from a file", e.File, what)
}

// Artifact is a component's bytes, and what is known of an image that they are from.
type Artifact struct {
	Wasm []byte
	// Image is the image's reference with its digest, and Key the fingerprint of the key that has signed it; empty for a file.
	Image, Key string
}

// ReadArtifact reads a component from its file, which must be one, and none that has to be signed. It takes no more memory than the file
// has bytes.
func ReadArtifact(_ context.Context, s workload.Source) (*Artifact, error) {
	switch {
	case s.File == "":
		return nil, fmt.Errorf("%s: images are not supported by this host; use a file", s.Image)
	case s.Key != "":
		return nil, &UnsignedFileError{s.File, s.Key}
	}
	wasm, err := readFile(s)
	if err != nil {
		return nil, err
	}
	return &Artifact{Wasm: wasm}, nil
}

// UnsignedFileError says that a component from a file is to be signed, which only images can be.
type UnsignedFileError struct{ File, Key string }

// Error names the file and the key.
func (e *UnsignedFileError) Error() string {
	return fmt.Sprintf("%s is refused: it has to be signed (%s), and a file has no signature", e.File, e.Key)
}

func readFile(s workload.Source) ([]byte, error) {
	info, err := os.Stat(s.File) // before it is opened: opening a pipe without a writer would block
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &NoFileError{s.File, info.Mode()}
	}
	if info.Size() > MaxArtifact {
		return nil, tooLarge(s.File)
	}
	f, err := os.Open(s.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, info.Size()+1) // one more than the file's size: it may grow
	n, err := io.ReadFull(f, b)
	switch {
	case err == nil:
		return nil, fmt.Errorf("%s: the file grew while it was read", s.File)
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, err
	}
	return b[:n:n], nil
}

// start links the components that events can reach and attaches the triggers, in place of old where that is not nil. If it fails, the caller
// undoes what it has done.
func (h *Local) start(ctx context.Context, w *workload.Spec, r, old *running) error {
	if err := h.served(w); err != nil {
		return err
	}
	r.spec, r.made = w, h.making(w)
	r.made.started = true
	if w.Artifact != nil {
		r.made.images = append(r.made.images, *w.Artifact)
	}
	entries, err := r.made.link(ctx)
	if err != nil {
		return err
	}
	r.invoker = &invoker{log: h.log, console: h.cfg.Console, entries: entries}
	r.made.peers.invoker.Store(r.invoker)
	if err := h.checkTriggers(w, r.invoker); err != nil {
		return err // before instances are made and guest code runs
	}
	if old != nil {
		if err := h.pause(ctx, old); err != nil {
			return err
		}
	}
	if err := h.startServices(ctx, w, r); err != nil {
		return err
	}
	for _, t := range targets(w) {
		if entries[t.name].pool == nil {
			continue
		}
		if err := entries[t.name].prewarm(ctx); err != nil {
			return err
		}
	}
	return h.attach(ctx, w, r, old)
}

// starting is the operation of a start of w.
func starting(name string, w *workload.Spec) *cm.Operation {
	op := &cm.Operation{Name: name}
	op.Set("workload", string(w.ID()))
	if a := w.Artifact; a != nil {
		op.Set("image", a.Exact)
		if a.Key != "" {
			op.Set("image.signer", a.Key)
		}
	}
	return op
}

// Check links a workload as Start does but attaches nothing: no guest code runs. Core modules that nothing instantiates, whose code Start
// does not read, have to be valid, too. It returns what was linked for what events can call, by
// workload.TriggerSpec.Target; the caller closes it, or the engine does.
func (h *Local) Check(ctx context.Context, w *workload.Spec) (map[string]*component.Linked, error) {
	if err := h.served(w); err != nil {
		return nil, err
	}
	made := h.making(w)
	defer made.release()
	entries, err := made.link(ctx)
	linked := map[string]*component.Linked{}
	for name, e := range entries {
		if l := e.linked(); l != nil {
			linked[name] = l
		}
	}
	all := slices.Collect(maps.Values(linked))
	for _, name := range slices.Sorted(maps.Keys(made.loaded)) {
		if err == nil {
			err = h.cfg.Engine.ValidateCode(ctx, made.loaded[name], all...)
		}
	}
	if err == nil {
		err = h.checkTriggers(w, &invoker{entries: entries})
	}
	if err != nil {
		return nil, errors.Join(err, made.unlink(ctx))
	}
	return linked, nil
}

// checkTriggers finds services that cannot run, and what triggers would refuse, as far as they implement Checker.
func (h *Local) checkTriggers(w *workload.Spec, inv *invoker) error {
	if err := checkServices(w, inv.entries); err != nil {
		return err
	}
	for _, t := range h.cfg.Triggers {
		if c, ok := t.(Checker); ok {
			if err := c.Check(w, inv); err != nil {
				return err
			}
		}
	}
	return nil
}

// served finds what the workload needs and the host does not have.
func (h *Local) served(w *workload.Spec) error {
	has := func(kind string) bool {
		return slices.ContainsFunc(h.cfg.Triggers, func(t Trigger) bool { return t.Type() == kind })
	}
	for _, t := range w.Triggers {
		if !has(t.Type) {
			return fmt.Errorf("workload %s: this host has no trigger of type %s", w.ID(), t.Type)
		}
	}
	for _, c := range w.Components {
		if _, ok := isolations[c.Instances.Isolation]; !ok {
			return fmt.Errorf("component %s: isolation %s is not supported by this version yet; want %s, %s or %s",
				c.Name, c.Instances.Isolation, isolationFresh, isolationSnapshot, isolationReuse)
		}
		if most := cmp.Or(c.Instances.Max, component.DefaultPoolMax); readyOf(w, &c) > most {
			return fmt.Errorf("component %s: %d instances are to be ready, and %d at most may run at once; ask for fewer or let more run",
				c.Name, readyOf(w, &c), most)
		}
	}
	return nil
}

// load reads and decodes one component.
func (m *making) load(ctx context.Context, spec *workload.Component, linker *component.Linker) (*component.Component, error) {
	h := m.h
	op := &cm.Operation{Name: "artifact read", Component: cm.Path(spec.Name)}
	rctx, end := cm.Begin(ctx, linker.Interceptor(), op)
	artifact, err := h.cfg.Artifact(rctx, spec.Source)
	if _, tells := linker.Interceptor().(cm.Lifecycle); tells && err == nil { // a digest takes a millisecond for every other megabyte
		sum := sha256.Sum256(artifact.Wasm)
		op.Set("size", int64(len(artifact.Wasm)))
		op.Set("digest", "sha256:"+hex.EncodeToString(sum[:]))
		if artifact.Image != "" {
			op.Set("image", artifact.Image)
		}
		if artifact.Key != "" {
			op.Set("image.signer", artifact.Key)
		}
	}
	end(err)
	if err != nil {
		return nil, fmt.Errorf("component %s: %w", spec.Name, err)
	}
	features := make([]component.Feature, len(spec.Features))
	for i, f := range spec.Features {
		features[i] = component.Feature(f)
	}
	if artifact.Image != "" {
		m.images = append(m.images, workload.ImageStatus{Component: spec.Name, Image: spec.Source.Image, Exact: artifact.Image, Key: artifact.Key})
	}
	return linker.Load(ctx, spec.Name, artifact.Wasm, features...)
}
