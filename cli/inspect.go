package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) inspect() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect FILE|REF",
		Short: "Show a component's world, parts and boundaries",
		Long: `Shows a component's world (imports and exports with their functions), its nested components, its core modules with
the features that they use, every boundary, and sizes. Nothing is compiled or run, so that components that this version
does not run are shown too. REF is an artifact in a registry: its digest and annotations come first; of a workload, what it asks for outside it (folders, secrets,
addresses, backends), and its manifest.`,
		Example: "  vitrine inspect shop.wasm\n  vitrine inspect registry.example.com/shop/cart:1.2\n  vitrine inspect --json shop.wasm | jq .imports",
		Args:    cobra.ExactArgs(1),
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	key := cmd.Flags().String("verify-key", "", "show only what one of the public keys in this file, PEM, has signed")
	s := p.options(cmd, registryOptions)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		wasm, from, err := p.inspected(ctx, s, args[0], *key)
		if err != nil {
			return err
		}
		if from != nil && from.Document != nil {
			return p.showWorkload(from, *asJSON)
		}
		engine, err := component.NewEngine(ctx)
		if err != nil {
			return err
		}
		defer engine.Close(ctx)
		name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(args[0]), ".wasm"), ".component")
		r, err := newReport(ctx, engine, name, wasm)
		if err != nil {
			return withFile(args[0], err)
		}
		r.Artifact = from
		if *asJSON {
			return writeJSON(p.stdout, r)
		}
		return r.print(p.stdout)
	}
	return cmd
}

// artifactReport is what a registry has of a component or a workload.
type artifactReport struct {
	Reference   string            `json:"reference"` // with the digest
	MediaType   string            `json:"mediaType"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Signer      string            `json:"signer,omitempty"`   // the fingerprint of the key that was asked for
	Document    json.RawMessage   `json:"document,omitempty"` // of a workload
	Reaches     []app.Reach       `json:"reaches,omitempty"`  // what a workload's document asks for outside it
}

// inspected returns the bytes of what is inspected, and what the registry has of it where path is a reference.
func (p *process) inspected(ctx context.Context, s *settings, path, key string) ([]byte, *artifactReport, error) {
	if !isReference(path) {
		a, err := host.ReadArtifact(ctx, workload.Source{File: path, Key: key})
		if err != nil {
			return nil, nil, err
		}
		return a.Wasm, nil, nil
	}
	a, err := p.fetch(ctx, s, path, key)
	if err != nil {
		return nil, nil, err
	}
	from := &artifactReport{Reference: a.Reference.String(), MediaType: a.MediaType, Annotations: a.Annotations, Signer: a.Key}
	if a.Document != nil {
		if _, from.Document, err = documentOf(a); err != nil {
			return nil, nil, err
		}
		if from.Reaches, err = p.reachesOf(a); err != nil {
			return nil, nil, err
		}
	}
	return a.Component, from, nil
}

// showWorkload prints a workload in a registry: what the registry has of it, and its manifest.
func (p *process) showWorkload(a *artifactReport, asJSON bool) error {
	if asJSON {
		return writeJSON(p.stdout, a)
	}
	m, err := p.ships.format().Elsewhere().Document(a.Reference, a.Document)
	if err != nil {
		return err
	}
	manifest, err := app.Write(m)
	if err != nil {
		return err
	}
	_, err = io.WriteString(p.stdout, a.text()+"\n"+text.Lines(string(manifest)))
	return err
}

// text is a line for each fact. It may be printed on a terminal.
func (a *artifactReport) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "artifact %s, %s\n", text.Printable(a.Reference), text.Printable(a.MediaType))
	if a.Signer != "" {
		fmt.Fprintf(&b, "  signed with the key %s\n", a.Signer)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Annotations)) {
		fmt.Fprintf(&b, "  %s: %s\n", text.Printable(name), text.Printable(a.Annotations[name]))
	}
	b.WriteString(reachesText(a.Reaches, "asks, which up gives with --allow-grants, for"))
	return b.String()
}

// withFile adds the file to an error that names no place.
func withFile(file string, err error) error {
	p := *explain(err)
	if p.Where == "" {
		p.Where = file
	}
	return &p
}

// print writes the report as text. It makes the report's names, which the component chooses, printable in place.
func (r *report) print(w io.Writer) error {
	eachText(reflect.ValueOf(r), text.Printable)
	var b strings.Builder
	if r.Artifact != nil {
		b.WriteString(r.Artifact.text() + "\n")
	}
	fmt.Fprintf(&b, "component %s, %d bytes, %s\n", r.Name, r.Size, r.Digest)
	world := func(what string, items []worldItem) {
		fmt.Fprintf(&b, "\n%s\n", counted(len(items)+r.Omitted[what+"s"], what))
		for _, i := range items {
			if i.Sort == "func" && len(i.Funcs) == 1 {
				fmt.Fprintf(&b, "  %s\n", i.Funcs[0])
				continue
			}
			fmt.Fprintf(&b, "  %s", i.Name)
			if i.Sort != "instance" {
				fmt.Fprintf(&b, " (%s)", i.Sort)
			}
			b.WriteByte('\n')
			for _, f := range i.Funcs {
				fmt.Fprintf(&b, "    %s\n", f)
			}
		}
	}
	world("import", r.Imports)
	world("export", r.Exports)
	if len(r.Components) > 0 {
		fmt.Fprintf(&b, "\n%s\n", counted(len(r.Components)+r.Omitted["components"], "nested component"))
		for _, c := range r.Components {
			fmt.Fprintf(&b, "  %s, %d bytes: %s, %s, %s\n", c.Path, c.Size,
				counted(c.Imports, "import"), counted(c.Exports, "export"), counted(c.Modules, "core module"))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", counted(len(r.Modules)+r.Omitted["modules"], "core module"))
	for _, m := range r.Modules {
		fmt.Fprintf(&b, "  in %s, %d bytes: %s, %s", m.Path, m.Size, counted(m.Imports, "import"), counted(m.Exports, "export"))
		if m.Start {
			b.WriteString(", start function")
		}
		if m.Problem != "" {
			b.WriteString("; " + m.Problem)
		}
		b.WriteByte('\n')
	}
	if len(r.Features) > 0 {
		fmt.Fprintf(&b, "  features beyond WebAssembly 1.0: %s\n", strings.Join(r.Features, ", "))
	}
	if r.Reset == "" {
		b.WriteString("  an instance can be reset\n")
	} else {
		fmt.Fprintf(&b, "  an instance cannot be reset, each invocation has a new one: %s\n", r.Reset)
	}
	if n := len(r.Boundaries) + r.Omitted["boundaries"]; n == 1 {
		b.WriteString("\n1 boundary\n")
	} else {
		fmt.Fprintf(&b, "\n%d boundaries\n", n)
	}
	for _, x := range r.Boundaries {
		name := x.Func
		if x.Interface != "" {
			name = x.Interface + "#" + x.Func
		}
		fmt.Fprintf(&b, "  %-13s %s → %s  %s\n", x.Kind, x.Caller, x.Callee, name)
	}
	for _, list := range slices.Sorted(maps.Keys(r.Omitted)) {
		fmt.Fprintf(&b, "\nnot shown: %d more %s\n", r.Omitted[list], list)
	}
	if r.Problem != "" {
		fmt.Fprintf(&b, "\nthe boundaries are not known: %s\n", r.Problem)
	}
	if len(r.Unsupported) > 0 {
		fmt.Fprintf(&b, "\nthis version does not run it: it needs %s\n", strings.Join(r.Unsupported, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func itoa(n int) string { return strconv.Itoa(n) }
