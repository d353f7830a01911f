package binary

// custom reads a custom section. A malformed component-name section is kept as bytes and gives no names.
func (r *reader) custom(c *Component) {
	s := Custom{Pos: r.pos, Name: r.name()}
	s.Data = r.bytes(uint32(max(r.left(), 0)), "the section")
	if !r.ok() {
		return
	}
	r.spend()
	c.Customs = append(c.Customs, s)
	if s.Name == "component-name" {
		c.Names.parse(s.Data)
	}
}

// parse adds the names of a component-name section, as far as it can be read (Binary.md, Name Section). Of several names for the
// same thing the first counts, over several sections too.
func (n *Names) parse(data []byte) {
	r := &reader{state: &state{defs: maxDefs}, b: data, end: len(data), section: 0}
	for r.ok() && r.left() > 0 {
		id := r.u8()
		size := r.u32()
		body := r.pos
		r.bytes(size, "the subsection")
		if !r.ok() {
			return
		}
		s := &reader{state: &state{defs: maxDefs}, b: data, pos: body, end: r.pos, section: 0}
		switch id {
		case 0:
			if name := s.name(); s.ok() && n.Component == "" {
				n.Component = name
			}
		case 1:
			n.sort(s)
		}
	}
}

func (n *Names) sort(r *reader) {
	sort := r.sort("names")
	names := map[uint32]string{}
	r.vec("names", maxDefs, func() {
		index, name := r.u32(), r.name()
		if r.ok() {
			names[index] = name
		}
	})
	if sort == 0 || len(names) == 0 {
		return
	}
	if n.Sorts == nil {
		n.Sorts = map[Sort]map[uint32]string{}
	}
	if n.Sorts[sort] == nil {
		n.Sorts[sort] = names
	}
}
