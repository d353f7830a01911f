package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/artifact"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

func (p *process) push() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push FILE|WORKLOAD REF",
		Short: "Bring a component or a workload to a registry",
		Long: `Brings a component to an OCI registry, in the form of the CNCF's Wasm working group, or a workload: a manifest, or a folder with one, and the
components that it names. The manifest is pushed without builds and keys; its other paths start from the folder that it is started in. The last
line is the reference with the digest. Credentials are those of docker login and its helpers.`,
		Example: "  vitrine push cart.wasm registry.example.com/shop/cart:1.2\n  vitrine push . registry.example.com/shop/all:1.2",
		Args:    cobra.ExactArgs(2),
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	notes := cmd.Flags().StringArray("annotation", nil, "add an annotation, NAME=VALUE, to those of the component's own metadata; may be given several times")
	return p.registryCommand(cmd, func(ctx context.Context, _ *settings, store *artifact.Store, args []string) error {
		ref, err := artifact.ParseReference(args[1])
		if err != nil {
			return err
		}
		annotations := map[string]string{}
		if err := addPairs(&annotations, *notes); err != nil {
			return badValue("--annotation", err)
		}
		start := time.Now()
		done := p.progress("pushing " + text.Printable(args[0]))
		exact, err := p.pushPath(ctx, store, args[0], ref, annotations)
		done()
		if err != nil {
			return err
		}
		return p.printed(*asJSON, fmt.Sprintf("pushed %s in %s", exact, since(start)), map[string]string{"reference": exact.String(), "digest": exact.Digest()})
	})
}

// pushPath pushes a component's file, or a workload.
func (p *process) pushPath(ctx context.Context, store *artifact.Store, path string, ref artifact.Reference, annotations map[string]string) (artifact.Reference, error) {
	file, bare, err := app.Resolve(path)
	if err != nil {
		return artifact.Reference{}, err
	}
	engine, err := component.NewEngine(ctx)
	if err != nil {
		return artifact.Reference{}, err
	}
	defer engine.Close(ctx)
	if bare {
		c, err := readComponent(ctx, engine, file)
		if err != nil {
			return artifact.Reference{}, err
		}
		c.Annotations = annotations
		return store.PushComponent(ctx, ref, c)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return artifact.Reference{}, err
	}
	m, err := p.ships.format().Document(file, text)
	if err != nil {
		return artifact.Reference{}, err
	}
	components := map[string]*artifact.Component{}
	for i := range m.Spec.Components {
		c := &m.Spec.Components[i]
		c.Build, c.Verify = v1alpha1.Build{}, v1alpha1.Verify{}
		if c.Source.Image != "" { // it is pinned to what the reference stands for now
			from, err := artifact.ParseReference(c.Source.Image)
			if err != nil {
				return artifact.Reference{}, err
			}
			exact, stale, err := store.Resolve(ctx, from)
			switch {
			case err != nil:
				return artifact.Reference{}, err
			case stale:
				return artifact.Reference{}, &Problem{What: "it is not known what the image stands for now", Where: from.String(), Why: "its registry does not answer, and the workload is pushed with the image's digest",
					Do: "try again later, or write " + exact.String() + " in the manifest, which it stood for last", Code: ExitFailed}
			}
			c.Source.Image = exact.String()
			continue
		}
		source := c.Source.File
		if !filepath.IsAbs(source) {
			source = filepath.Join(filepath.Dir(file), source)
		}
		if components[string(c.Name)], err = readComponent(ctx, engine, source); err != nil {
			return artifact.Reference{}, err
		}
	}
	if m.Metadata.Version != "" && annotations["org.opencontainers.image.version"] == "" {
		annotations["org.opencontainers.image.version"] = m.Metadata.Version
	}
	return store.PushWorkload(ctx, ref, components, annotations, func(digests map[string]string) ([]byte, error) {
		for i := range m.Spec.Components {
			if d := digests[string(m.Spec.Components[i].Name)]; d != "" {
				m.Spec.Components[i].Source = v1alpha1.Source{Image: "@" + d}
			}
		}
		return json.Marshal(m)
	})
}

// readComponent reads a component's file for a push; one that is no component is an error.
func readComponent(ctx context.Context, engine *component.Engine, file string) (*artifact.Component, error) {
	a, err := host.ReadArtifact(ctx, workload.Source{File: file})
	if err != nil {
		return nil, err
	}
	r, err := newReport(ctx, engine, filepath.Base(file), a.Wasm)
	if err != nil {
		return nil, withFile(file, err)
	}
	c := &artifact.Component{Wasm: a.Wasm}
	for _, i := range r.Imports {
		c.Imports = append(c.Imports, i.Name)
	}
	for _, x := range r.Exports {
		c.Exports = append(c.Exports, x.Name)
	}
	return c, nil
}

// absoluteImages completes the references in a workload's document that are digests alone: they are of the repository that the document is
// from, so that it may be copied to another. A document that names files of this machine, or commands to run on it, is refused. An error is an
// *artifact.FormatError.
func absoluteImages(document []byte, from artifact.Reference) ([]byte, error) {
	refuse := func(why string) ([]byte, error) {
		return nil, &artifact.FormatError{Reference: from.String(), Why: why}
	}
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		return refuse("the workload's document is no JSON")
	}
	spec, _ := m["spec"].(map[string]any)
	components, _ := spec["components"].([]any)
	for _, c := range components {
		c, _ := c.(map[string]any)
		source, _ := c["source"].(map[string]any)
		if source["file"] != nil {
			return refuse(fmt.Sprintf("the workload's document has the component %v from a file, and not from a registry", c["name"]))
		}
		if c["build"] != nil {
			return refuse(fmt.Sprintf("the workload's document has a build of the component %v; what is in a registry is built already", c["name"]))
		}
		image, _ := source["image"].(string)
		if digest, ok := strings.CutPrefix(image, "@"); ok {
			source["image"] = from.At(digest).String()
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		return refuse("the workload's document is no JSON")
	}
	return out, nil
}

func (p *process) pull() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull REF",
		Short: "Bring a component or a workload from a registry",
		Long: `Brings a component from an OCI registry into a file, or a workload into a folder: a vitrine.yaml and its components. What was fetched is in the cache, too, so that
it starts without the registry: by its digest, or by the tag that it was fetched by. What a workload's manifest grants outside it is printed: once it is
a file here, it holds.`,
		Example: "  vitrine pull registry.example.com/shop/cart:1.2 -o cart.wasm",
		Args:    cobra.ExactArgs(1),
	}
	out := cmd.Flags().StringP("output", "o", "", "the file, - for standard output, or the folder of a workload (default: the repository's last name, with .wasm for a component)")
	key := cmd.Flags().String("verify-key", "", "take only what one of the public keys in this file, PEM, has signed")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	return p.registryCommand(cmd, func(ctx context.Context, s *settings, _ *artifact.Store, args []string) error {
		start := time.Now()
		done := p.progress("fetching " + text.Printable(args[0]))
		a, err := p.fetch(ctx, s, args[0], *key)
		done()
		if err != nil {
			return err
		}
		to := *out
		switch {
		case a.Component == nil:
			if to == "" {
				to = a.Reference.Name()
			}
			err = p.pullWorkload(ctx, s, a, to, *key)
		case to == "-":
			_, err = p.stdout.Write(a.Component)
			return err
		default:
			if to == "" {
				to = a.Reference.Name() + ".wasm"
			}
			err = writeWhole(to, a.Component, 0o644)
		}
		if err != nil {
			return err
		}
		return p.printed(*asJSON, fmt.Sprintf("pulled %s into %s in %s", a.Reference, to, since(start)), map[string]any{
			"reference": a.Reference.String(), "digest": a.Reference.Digest(), "file": to, "signer": a.Key, "stale": a.Stale,
		})
	})
}

// pullWorkload writes a workload's manifest and its components into a folder, which must be new or empty.
func (p *process) pullWorkload(ctx context.Context, s *settings, a *artifact.Artifact, dir, key string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return &Problem{What: "cannot write the workload", Where: dir, Why: "the folder is not empty", Do: "choose another with -o", Code: ExitUsage}
	}
	name, data, err := documentOf(a)
	if err != nil {
		return err
	}
	m, err := p.ships.format().Elsewhere().Document(name, data)
	if err != nil {
		return err
	}
	err = filledFolder(dir, func(in string) error {
		for i := range m.Spec.Components {
			c := &m.Spec.Components[i]
			from, err := p.artifact(s)(ctx, workload.Source{Image: c.Source.Image, Key: key})
			if err != nil {
				return err
			}
			c.Source, c.Verify = v1alpha1.Source{File: string(c.Name) + ".wasm"}, v1alpha1.Verify{} // a file has no signature
			if err := os.WriteFile(filepath.Join(in, c.Source.File), from.Wasm, 0o644); err != nil {
				return err
			}
		}
		written, err := app.Write(m)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(in, app.FileName), written, 0o644)
	})
	if err != nil {
		return err
	}
	reaches, err := p.reachesOf(a)
	if err == nil {
		_, err = io.WriteString(p.stderr, reachesText(reaches, "the manifest now grants"))
	}
	return err
}

// filledFolder makes a folder, which may be there and empty, with the files that fill puts into the one that it gets: all of them, or none, and the
// manifest last.
func filledFolder(dir string, fill func(in string) error) (err error) {
	made := false
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		made = true
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	in, err := os.MkdirTemp(dir, ".pull-")
	if err != nil {
		return err
	}
	var moved []string
	defer func() {
		_ = os.RemoveAll(in)
		if err == nil {
			return
		}
		for _, file := range moved {
			_ = os.Remove(file)
		}
		if made {
			_ = os.Remove(dir) // fails where somebody else has put something there
		}
	}()
	if err := fill(in); err != nil {
		return err
	}
	entries, err := os.ReadDir(in)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		return cmp.Compare(rankOf(a.Name()), rankOf(b.Name()))
	})
	for _, e := range entries {
		to := filepath.Join(dir, e.Name())
		if err := os.Rename(filepath.Join(in, e.Name()), to); err != nil {
			return err
		}
		moved = append(moved, to)
	}
	return nil
}

func rankOf(name string) int {
	if name == app.FileName {
		return 1
	}
	return 0
}

// writeJSON writes a value as indented JSON.
func writeJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(text.JSONWriter(w))
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}
