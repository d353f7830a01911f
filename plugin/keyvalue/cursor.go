package keyvalue

import (
	"context"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
)

// cursors maps a bucket's cursors, which are texts, to the numbers of this version of the interface. A decimal number below firstKept
// maps to itself, and is valid in other resources and instances, too. Of other texts the last few are kept here.
type cursors struct {
	count uint64     // of texts kept so far
	texts []string   // the last keptCursors, by number modulo keptCursors; nil before the first
	held  cm.Holding // for texts
}

const (
	firstKept   = uint64(1) << 63
	keptCursors = 16
)

// text returns the cursor of a number; 0 is the first page's.
func (c *cursors) text(number uint64) (string, error) {
	switch kept := number - firstKept; {
	case number == 0:
		return "", nil
	case number < firstKept:
		return strconv.FormatUint(number, 10), nil
	case kept < c.count && c.count-kept <= keptCursors:
		return c.texts[kept%keptCursors], nil
	}
	return "", ErrCursor
}

// number returns the guest's number for a cursor.
func (c *cursors) number(ctx context.Context, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err == nil && n > 0 && strconv.FormatUint(n, 10) == text {
		return n, nil
	}
	if c.texts == nil {
		c.texts = make([]string, keptCursors)
	}
	at := &c.texts[c.count%keptCursors]
	if err := c.held.Hold(ctx, c.held.Bytes()+len(text)-len(*at)); err != nil {
		return 0, err
	}
	*at = text
	c.count++
	return firstKept + c.count - 1, nil
}
