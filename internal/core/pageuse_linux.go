//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import "bytes"

// pageUse is what resets know about one memory: which of its pages have been written, and how many a use usually writes.
//
// Pages that were written are copied back, because the next use will write to most of them again, and a page fault costs
// ten times what copying does. A page that was copied back stays the memory's own, so that the set grows with each use that
// writes somewhere else: from time to time the pages that the last use has not changed are dropped, and after a use
// that has written far more than usual all are.
type pageUse struct {
	own    []span // in order, not touching one another
	pages  int    // in own
	known  bool   // own is complete, as long as the process has had no more page faults than faults
	faults int64
	usual  int // 0: not known
	resets int
	high   int // the longest that the memory has been, in bytes
}

// span is a stretch of whole pages, in bytes from the start of a memory.
type span struct{ from, to int }

const (
	// ageEvery is the number of resets after which unchanged pages are dropped.
	ageEvery = 64
	// maxTail is how many pages behind the image are cleared in place rather than dropped. A guest that has grown its
	// memory once does so each time, and writes to the same pages.
	maxTail = 512
)

// room is how many pages are copied back rather than dropped.
func (u *pageUse) room() int { return 2*u.usual + 64 }

// restore sets a memory back to its image, whose length it has already; was is its slice before, which may be longer.
func (i *image) restore(m *linearMemory, was []byte, u *pageUse) error {
	size := len(i.bytes)
	if i.file == nil {
		copyBack(was, i.bytes)
		return nil
	}
	u.resets++
	u.high = max(u.high, len(was))
	all := m.store.all[:u.high]
	if err := u.find(all, len(was) > size); err == errNoPagemap {
		return u.dropAll(all)
	} else if err != nil {
		return err
	}
	if u.usual == 0 {
		u.usual = max(u.pages, 1)
	}
	tail := 0
	for _, s := range u.own {
		tail += max(0, s.to-max(s.from, size)) / systemPage
	}
	switch {
	case u.pages-tail > u.room() || tail > maxTail:
		return u.dropAll(all)
	case u.resets%ageEvery == 0:
		return u.age(i, all)
	}
	for _, s := range u.own {
		i.copyTo(all, s)
	}
	return nil
}

// copyTo sets a stretch back: to the image, and to zeroes behind it.
func (i *image) copyTo(all []byte, s span) {
	n := 0
	if s.from < len(i.bytes) {
		n = copy(all[s.from:s.to], i.bytes[s.from:])
	}
	clear(all[s.from+n : s.to])
}

// find finds the memory's own pages. It need not look when the process has had no page fault since it last did: a page
// becomes a mapping's own by a fault and no other way. That does not hold for the part behind the image, which the
// kernel may turn into huge pages by itself.
func (u *pageUse) find(all []byte, grown bool) error {
	faults, counted := faults.count()
	if u.known && counted && !grown && faults == u.faults {
		return nil
	}
	u.known = false
	u.own, u.pages = u.own[:0], 0
	err := pages.own(all, func(from, to int) error {
		u.add(span{from, to})
		return nil
	})
	if err == nil {
		u.known, u.faults = true, faults
	}
	return err
}

func (u *pageUse) add(s span) {
	u.pages += (s.to - s.from) / systemPage
	if n := len(u.own); n > 0 && u.own[n-1].to == s.from {
		u.own[n-1].to = s.to
		return
	}
	u.own = append(u.own, s)
}

// dropAll drops all pages and forgets what is known of them.
func (u *pageUse) dropAll(all []byte) error {
	u.own, u.pages, u.known, u.usual = u.own[:0], 0, false, 0
	return dropPages(all)
}

// age sets the memory back and drops the pages that did not differ, if they are many.
func (u *pageUse) age(i *image, all []byte) error {
	var same []span
	kept := pageUse{}
	for _, s := range u.own {
		for from := s.from; from < s.to; from += systemPage {
			page := span{from, from + systemPage}
			if i.holds(all, page) {
				same = append(same, page)
			} else {
				i.copyTo(all, page)
				kept.add(page)
			}
		}
	}
	if len(same) <= u.pages/4 {
		return nil
	}
	for _, s := range same {
		if err := dropPages(all[s.from:s.to]); err != nil {
			return err
		}
	}
	u.own, u.pages, u.usual = kept.own, kept.pages, max(kept.pages, 1)
	return nil
}

// holds says whether a page is what the image has there.
func (i *image) holds(all []byte, s span) bool {
	if s.from < len(i.bytes) {
		return bytes.Equal(all[s.from:s.to], i.bytes[s.from:s.to])
	}
	for _, b := range all[s.from:s.to] {
		if b != 0 {
			return false
		}
	}
	return true
}
