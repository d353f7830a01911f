package backend

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrCursor says that a cursor is none that a page has had.
var ErrCursor = errors.New("no such cursor")

// Index lists names in the order in which they came, a page at a time, for backends that hold them in memory. The cursor of a
// page stays good while others come and go: names that stay are listed once. The zero Index is empty. Not safe for concurrent
// use.
type Index struct {
	last  uint64
	names []numbered // by their numbers
	gone  int        // of names, those that were removed
}

type numbered struct {
	number uint64
	name   string
	gone   bool
}

// Add puts in a name that is not there, and gives the number with which it is removed.
func (x *Index) Add(name string) (number uint64) {
	x.last++
	x.names = append(x.names, numbered{number: x.last, name: name})
	return x.last
}

// Remove takes out what Add has put in.
func (x *Index) Remove(number uint64) {
	i, found := x.find(number)
	if !found || x.names[i].gone {
		return
	}
	x.names[i].name, x.names[i].gone = "", true
	if x.gone++; x.gone > 16 && x.gone > len(x.names)/2 {
		x.names = slices.DeleteFunc(x.names, func(n numbered) bool { return n.gone })
		x.names = slices.Clip(x.names)
		x.gone = 0
	}
}

func (x *Index) find(number uint64) (at int, found bool) {
	return slices.BinarySearchFunc(x.names, number, func(n numbered, to uint64) int {
		return cmp.Compare(n.number, to)
	})
}

// Page gives up to most names from a cursor on, "" for the first page, and the cursor of the page after it, "" if there is none.
// Cursors are decimal numbers. One that no page can have had is an [ErrCursor].
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
		if n.gone {
			continue
		}
		if len(names) == most {
			return names, strconv.FormatUint(rest[j-1].number, 10), nil
		}
		names = append(names, n.name)
	}
	return names, "", nil
}
