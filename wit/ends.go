package wit

// Ends are the streams and futures among a function's types, in the order by which the names of their built-ins count them ("[stream-read-0]f"): of the parameters, then of
// the result, what is in a type before the type. Those after the first 10 000 are left out: types that share parts have exponentially many.
func (f *Func) Ends() (all []*Type) {
	const most = 10_000
	none := map[*Type]bool{} // types that have been visited, without any
	var visit func(*Type)
	visit = func(t *Type) {
		if t == nil || none[t] || len(all) >= most || t.Kind == Own || t.Kind == Borrow || t.Kind == Resource {
			return
		}
		before := len(all)
		t.Walk(visit)
		if t.Kind == Stream || t.Kind == Future {
			all = append(all, t)
		}
		none[t] = len(all) == before
	}
	for _, p := range f.Params {
		visit(p.Type)
	}
	visit(f.Result)
	return all
}
