package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/compose"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) compose() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compose [PATH|REF] -o FILE",
		Short: "Make one component of several that are linked",
		Long: `Writes the components of a workload that are linked to each other as one component, which any runtime takes: a call from one to another does what it
does with links, and is the same span. What no link serves the component imports. Of a component's file, the exports of those that --plug gives serve its imports.`,
		Example: "  vitrine compose shop.wasm --plug price.wasm -o all.wasm\n  vitrine compose shop.wasm --plug registry.example.com/shop/price:1 -o all.wasm\n  vitrine compose shop/ --component cart -o cart.wasm",
		Args:    cobra.MaximumNArgs(1),
	}
	out := cmd.Flags().StringP("output", "o", "", "the file of the component")
	root := cmd.Flags().String("component", "", "the component of the workload that the others serve (default: the one that no other is linked to)")
	plugs := cmd.Flags().StringArray("plug", nil, "a component, a file or a reference, whose exports serve imports of PATH; may be given several times")
	s := p.options(cmd, registryOptions)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *out == "" {
			return &Problem{What: "want a file for the component", Where: cmd.CommandPath(), Do: "name it: -o all.wasm", Code: ExitUsage}
		}
		w, _, err := p.readSpec(cmd.Context(), s, append(args, ".")[0])
		if err != nil {
			return err
		}
		w, err = p.plugged(cmd.Context(), s, w, *plugs, *root)
		if err != nil {
			return err
		}
		parts, allow, err := p.partsOf(cmd.Context(), s, w)
		if err != nil {
			return err
		}
		if len(*plugs) > 0 {
			if err := plug(parts); err != nil {
				return err
			}
		}
		wasm, err := compose.Compose(parts, validate.Options{Allow: allow})
		if err != nil {
			return &Problem{What: "the components cannot be composed", Where: w.Components[0].Name, Why: err.Error(), Do: "vitrine inspect FILE shows what each imports and exports", Code: ExitUsage}
		}
		if err := writeWhole(*out, wasm, 0o666); err != nil {
			return err
		}
		_, err = fmt.Fprintf(text.Writer(p.stdout), "%s: %d bytes\n", *out, len(wasm))
		return err
	}
	return cmd
}

// plugged is the workload with the component that is asked for first, and with those that are plugged in.
func (p *process) plugged(ctx context.Context, s *settings, w *workload.Spec, plugs []string, root string) (*workload.Spec, error) {
	if len(plugs) > 0 && !p.alone {
		return nil, &Problem{What: "a workload has links, and takes no plugs", Where: string(w.ID()), Do: "write links: in the manifest, or give a component's file", Code: ExitUsage}
	}
	for _, file := range plugs {
		spec, _, err := p.readSpec(ctx, s, file)
		if err != nil {
			return nil, err
		}
		if !p.alone {
			return nil, &Problem{What: "a plug is one component, and this is a workload", Where: file, Do: "give a component's file or reference, such as of one that vitrine compose makes of it", Code: ExitUsage}
		}
		w.Components = append(w.Components, spec.Components[0])
	}
	roots := rootsOf(w)
	if len(plugs) > 0 {
		roots = roots[:1]
	}
	if root == "" && len(roots) == 1 {
		root = roots[0]
	}
	at := slices.IndexFunc(w.Components, func(c workload.Component) bool { return c.Name == root })
	switch {
	case root == "":
		return nil, &Problem{What: "it is not clear which component to make", Where: string(w.ID()), Why: "no other component is linked to " + strings.Join(roots, ", "), Do: "choose one with --component", Code: ExitUsage}
	case at < 0:
		return nil, &Problem{What: "there is no component " + root, Where: string(w.ID()), Do: "choose one of the workload's with --component", Code: ExitUsage}
	}
	w.Components[0], w.Components[at] = w.Components[at], w.Components[0]
	return w, nil
}

// partsOf reads the components of a workload, with their links.
func (p *process) partsOf(ctx context.Context, s *settings, w *workload.Spec) ([]compose.Part, map[validate.Feature]bool, error) {
	var parts []compose.Part
	allow := map[validate.Feature]bool{}
	index := map[string]int{}
	for i, c := range w.Components {
		index[c.Name] = i
	}
	for _, c := range w.Components {
		a, err := p.artifact(s)(ctx, c.Source)
		if err != nil {
			return nil, nil, err
		}
		own := map[validate.Feature]bool{}
		for _, f := range c.Features {
			allow[validate.Feature(f)], own[validate.Feature(f)] = true, true
		}
		part := compose.Part{Name: c.Name, Bytes: a.Wasm, Links: map[string]int{}}
		if part.Component, err = binary.Decode(a.Wasm); err == nil {
			err = validate.Component(part.Component, validate.Options{Allow: own})
		}
		if err != nil {
			return nil, nil, withFile(c.Source.File+c.Source.Image, err)
		}
		imports := importsOf(part.Component)
		for want, to := range c.Links {
			found := slices.DeleteFunc(slices.Clone(imports), func(name string) bool {
				id, err := wit.ParseID(name)
				return name != want && (err != nil || id.Unversioned().String() != want || slices.Contains(imports, want))
			})
			if len(found) == 0 {
				return nil, nil, &Problem{What: "component " + c.Name + " has no import " + want, Why: "it imports " + strings.Join(imports, ", "), Do: "correct links: in the manifest", Code: ExitUsage}
			}
			for _, name := range found {
				part.Links[name] = index[to]
			}
		}
		parts = append(parts, part)
	}
	return parts, allow, nil
}

func importsOf(c *binary.Component) (names []string) {
	for _, d := range c.Defs {
		if im, ok := d.(*binary.Import); ok {
			names = append(names, im.Name.Name)
		}
	}
	return names
}

// plug links the imports of the first part to the first of the others that exports them. One that serves nothing is a mistake.
func plug(parts []compose.Part) error {
	used := make([]bool, len(parts))
	for _, name := range importsOf(parts[0].Component) {
		for i := 1; i < len(parts); i++ {
			if compose.Serves(parts[i].Component, name) {
				parts[0].Links[name], used[i] = i, true
				break
			}
		}
	}
	for i := 1; i < len(parts); i++ {
		if !used[i] {
			return &Problem{What: "nothing of " + parts[i].Name + " is used", Why: "it exports no interface that " + parts[0].Name + " imports, or another plug before it does",
				Do: "vitrine inspect FILE shows what each imports and exports", Code: ExitUsage}
		}
	}
	return nil
}
