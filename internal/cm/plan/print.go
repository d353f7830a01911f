package plan

import (
	"fmt"
	"strings"
)

// String prints a program for people and goldens: everything but the bytes of core modules.
func (p *Program) String() string {
	var b strings.Builder
	for i, n := range p.Instances {
		fmt.Fprintf(&b, "instance %d %q in %d\n", i, n.Path, n.Parent)
	}
	for i, r := range p.Resources {
		switch {
		case r.Imported:
			fmt.Fprintf(&b, "resource %d %s imported\n", i, r.Type)
		default:
			fmt.Fprintf(&b, "resource %d %s of instance %d, destructor %s\n", i, r.Type, r.Instance, p.fn(r.Dtor))
		}
	}
	for _, im := range p.Imports {
		used := 0
		for _, f := range im.Funcs {
			if f.Used {
				used++
			}
		}
		fmt.Fprintf(&b, "import %s by %q: %d functions, %d used\n", im.Name, im.Importer, len(im.Funcs), used)
	}
	for i, m := range p.Modules {
		fmt.Fprintf(&b, "module %d %q of instance %d\n", i, m.Name, m.Instance)
		for k, src := range m.Sources {
			var fields []string
			for _, s := range m.Slots {
				if s.Source == k {
					fields = append(fields, s.Field)
				}
			}
			from := "trampolines"
			if src != HostSource {
				from = fmt.Sprintf("module %d", src)
			}
			fmt.Fprintf(&b, "  from %s: %s\n", from, strings.Join(fields, " "))
		}
	}
	for i, t := range p.Trampolines {
		fmt.Fprintf(&b, "trampoline %s: %s", TrampolineName(i), t.Op)
		switch {
		case t.Boundary != nil:
			fmt.Fprintf(&b, " boundary %d", t.Boundary.ID)
		case t.Resource >= 0:
			fmt.Fprintf(&b, " resource %d", t.Resource)
		case t.Value != nil:
			fmt.Fprintf(&b, " %s", t.Value)
		}
		if t.Cancellable {
			b.WriteString(" cancellable")
		}
		fmt.Fprintf(&b, " in instance %d%s\n", t.Instance, p.options(&t.Options))
	}
	for i, l := range p.Lifts {
		fmt.Fprintf(&b, "lift %d: %s %s in instance %d%s\n", i, p.fn(l.Func), l.Type, l.Instance, p.options(&l.Options))
	}
	for _, x := range p.Boundaries {
		fmt.Fprintf(&b, "boundary %d: %s %q → %q %s\n", x.ID, x.Kind, x.Caller, x.Callee, x.Name())
	}
	for _, f := range p.Unsupported {
		fmt.Fprintf(&b, "unsupported: %s\n", f)
	}
	return b.String()
}

func (p *Program) fn(i int) string {
	switch {
	case i < 0:
		return "none"
	case p.Funcs[i].Module == HostSource:
		return TrampolineName(p.Funcs[i].Trampoline)
	}
	return fmt.Sprintf("%d.%s", p.Funcs[i].Module, p.Funcs[i].Name)
}

func (p *Program) options(o *Options) string {
	s := ""
	if o.Memory >= 0 {
		s += fmt.Sprintf(" memory %d.%s", p.Memories[o.Memory].Module, p.Memories[o.Memory].Name)
	}
	if o.Realloc >= 0 {
		s += " realloc " + p.fn(o.Realloc)
	}
	if o.PostReturn >= 0 {
		s += " post-return " + p.fn(o.PostReturn)
	}
	if o.Async {
		s += " async"
	}
	if o.Callback >= 0 {
		s += " callback " + p.fn(o.Callback)
	}
	return s
}
