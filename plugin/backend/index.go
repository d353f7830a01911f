package backend

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrCursor says that no page can have had this cursor.
var ErrCursor = errors.New("no such cursor")

// Index lists names in the order of their addition, a page at a time, for backends that hold them in memory. Cursors stay valid while
// names are added and removed: names that stay are listed once. The zero Index is empty. Not safe for concurrent use.
type Index struct {
	last    uint64
	names   []numbered // by their numbers
	removed int        // of names, those that were removed
}

type numbered struct {
	number  uint64
	name    string
	removed bool
}

// Add adds a name, which must not be in the index, and returns the number for Remove.
func (x *Index) Add(name string) (number uint64) {
	x.last++
	x.names = append(x.names, numbered{number: x.last, name: name})
	return x.last
}

// Remove removes the name that Add returned number for. Further calls do nothing.
func (x *Index) Remove(number uint64) {
	i, found := x.find(number)
	if !found || x.names[i].removed {
		return
	}
	x.names[i].name, x.names[i].removed = "", true
	if x.removed++; x.removed > 16 && x.removed > len(x.names)/2 {
		x.names = slices.DeleteFunc(x.names, func(n numbered) bool { return n.removed })
		x.names = slices.Clip(x.names)
		x.removed = 0
	}
}

func (x *Index) find(number uint64) (at int, found bool) {
	return slices.BinarySearchFunc(x.names, number, func(n numbered, to uint64) int {
		return cmp.Compare(n.number, to)
	})
}

// Page returns up to most names from a cursor on, "" for the first page, and the cursor of the next page, "" if there is none.
// Cursors are decimal numbers; another text is an [ErrCursor].
func (x *Index) Page(cursor string, most int) (names []string, next string, err error) {
	var after uint64
	if cursor != "" {
		if after, err = strconv.ParseUint(cursor, 10, 64); err != nil {
			return nil, "", fmt.Errorf("%.40q: %w", cursor, ErrCursor)
		}
	}
	i, found := x.find(after)
	if found {
		i++
	}
	rest := x.names[i:]
	names = make([]string, 0, min(most, len(rest)))
	for j, n := range rest {
		if n.removed {
			continue
		}
		if len(names) == most {
			return names, strconv.FormatUint(rest[j-1].number, 10), nil
		}
		names = append(names, n.name)
	}
	return names, "", nil
}
