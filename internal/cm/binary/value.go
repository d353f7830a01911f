package binary

// start reads the start definition (gated: values).
func (r *reader) start(c *Component) {
	r.spend()
	d := &Start{At: At{r.pos}, Func: r.index()}
	r.vec("arguments", maxStartArgs, func() { d.Args = append(d.Args, r.index()) })
	at := r.pos
	if d.Results = r.u32(); d.Results > maxStartCount {
		r.fail(at, KindLimit, "%d results of a start definition are more than %d", d.Results, maxStartCount)
	}
	c.add(d)
}

// value reads a value definition (gated: values). Its data stays bytes.
func (r *reader) value() *ValueDef {
	d := &ValueDef{At: At{r.pos}, Type: r.valRef()}
	d.Data = r.bytes(r.u32(), "the value")
	return d
}
