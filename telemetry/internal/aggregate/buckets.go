package aggregate

import "slices"

// since subtracts an earlier state of a distribution; ok is false if that has more of anything.
func (p *BucketPoint) since(old *BucketPoint) (d *BucketPoint, ok bool) {
	if p.Count < old.Count || len(p.Counts) != len(old.Counts) || !slices.Equal(p.Bounds, old.Bounds) {
		return nil, false
	}
	d = &BucketPoint{Count: p.Count - old.Count, Bounds: p.Bounds, Counts: slices.Clone(p.Counts), Sum: p.Sum - old.Sum, Min: p.Min, Max: p.Max}
	for i, n := range old.Counts {
		if d.Counts[i] < n {
			return nil, false
		}
		d.Counts[i] -= n
	}
	return d, true
}

// add adds a distribution over the same buckets.
func (p *BucketPoint) add(d *BucketPoint) {
	p.Count += d.Count
	p.Sum += d.Sum
	for i := range p.Counts {
		p.Counts[i] += d.Counts[i]
	}
	p.Min, p.Max = least(p.Min, d.Min), greatest(p.Max, d.Max)
}

func least(a, b *float64) *float64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

func greatest(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// since subtracts an earlier state of a distribution. The result has the scale of the later one, which may be smaller.
func (p *PowerPoint) since(old *PowerPoint) (d *PowerPoint, ok bool) {
	if p.Count < old.Count || p.Zero < old.Zero || p.Scale > old.Scale {
		return nil, false
	}
	d = &PowerPoint{Count: p.Count - old.Count, Sum: p.Sum - old.Sum, Min: p.Min, Max: p.Max, Scale: p.Scale, Zero: p.Zero - old.Zero, Threshold: p.Threshold}
	by := old.Scale - p.Scale
	if d.Positive, ok = p.Positive.minus(old.Positive.coarser(by)); !ok {
		return nil, false
	}
	if d.Negative, ok = p.Negative.minus(old.Negative.coarser(by)); !ok {
		return nil, false
	}
	return d, true
}

// add adds a distribution. The result has the smaller of both scales, or an even smaller one if there would be too many buckets.
func (p *PowerPoint) add(d *PowerPoint) {
	scale := min(p.Scale, d.Scale)
	pos, neg := p.Positive.coarser(p.Scale-scale), p.Negative.coarser(p.Scale-scale)
	dpos, dneg := d.Positive.coarser(d.Scale-scale), d.Negative.coarser(d.Scale-scale)
	for !pos.fits(dpos) || !neg.fits(dneg) {
		scale--
		pos, neg, dpos, dneg = pos.coarser(1), neg.coarser(1), dpos.coarser(1), dneg.coarser(1)
	}
	p.Scale, p.Positive, p.Negative = scale, pos.plus(dpos), neg.plus(dneg)
	p.Count += d.Count
	p.Sum += d.Sum
	p.Zero += d.Zero
	p.Threshold = max(p.Threshold, d.Threshold)
	p.Min, p.Max = least(p.Min, d.Min), greatest(p.Max, d.Max)
}

// bounds are the index of the first bucket and the one after the last.
func (r Range) bounds() (from, to int64) {
	return int64(r.Offset), int64(r.Offset) + int64(len(r.Counts))
}

// trimmed returns the range without empty buckets at its ends.
func (r Range) trimmed() Range {
	for len(r.Counts) > 0 && r.Counts[len(r.Counts)-1] == 0 {
		r.Counts = r.Counts[:len(r.Counts)-1]
	}
	for len(r.Counts) > 0 && r.Counts[0] == 0 {
		r.Counts, r.Offset = r.Counts[1:], r.Offset+1
	}
	return r
}

// coarser converts the buckets to a scale that is smaller by the given difference, which shifts each index (metrics data model,
// exponential scale).
func (r Range) coarser(by int32) Range {
	if r = r.trimmed(); by <= 0 || len(r.Counts) == 0 {
		return r
	}
	shift := min(by, 63)
	from, to := r.bounds()
	out := Range{Offset: int32(from >> shift), Counts: make([]uint64, (to-1)>>shift-from>>shift+1)}
	for i, n := range r.Counts {
		out.Counts[(from+int64(i))>>shift-int64(out.Offset)] += n
	}
	return out
}

// union returns the bounds of the smallest range that includes both.
func (r Range) union(q Range) (from, to int64) {
	from, to = r.bounds()
	f, t := q.bounds()
	switch {
	case len(r.Counts) == 0:
		return f, t
	case len(q.Counts) == 0:
		return from, to
	}
	return min(from, f), max(to, t)
}

// fits says whether the buckets of both together are few enough.
func (r Range) fits(q Range) bool {
	from, to := r.union(q)
	return to-from <= MaxBuckets
}

// plus adds the counts of two ranges that fit.
func (r Range) plus(q Range) Range {
	from, to := r.union(q)
	out := Range{Offset: int32(from), Counts: make([]uint64, to-from)}
	for _, part := range []Range{r, q} {
		for i, n := range part.Counts {
			out.Counts[int64(part.Offset)+int64(i)-from] += n
		}
	}
	return out
}

// minus subtracts the counts of q; ok is false if one of them is larger than that of r.
func (r Range) minus(q Range) (out Range, ok bool) {
	from, to := r.bounds()
	out = Range{r.Offset, slices.Clone(r.Counts)}
	for i, n := range q.Counts {
		at := int64(q.Offset) + int64(i)
		if n == 0 {
			continue
		}
		if at < from || at >= to || out.Counts[at-from] < n {
			return Range{}, false
		}
		out.Counts[at-from] -= n
	}
	return out, true
}
