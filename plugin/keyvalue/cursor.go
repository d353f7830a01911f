package keyvalue

import (
	"context"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
)

// cursors gives the texts of a bucket's cursors the numbers that this version of the interface has for them. A text that is a
// decimal number below firstKept is its own number, and good wherever the guest takes it. Any other is kept here, among the last
// few.
type cursors struct {
	given uint64     // how many were kept so far
	texts []string   // keptCursors of them, by their numbers, modulo; nil before the first
	held  cm.Holding // for texts
}

const (
	firstKept   = uint64(1) << 63
	keptCursors = 16
)

// text is the cursor behind a number; 0 is the first page's.
func (c *cursors) text(number uint64) (string, error) {
	switch kept := number - firstKept; {
	case number == 0:
		return "", nil
	case number < firstKept:
		return strconv.FormatUint(number, 10), nil
	case kept < c.given && c.given-kept <= keptCursors:
		return c.texts[kept%keptCursors], nil
	}
	return "", ErrCursor
}

// number is what the guest has for a cursor.
func (c *cursors) number(ctx context.Context, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err == nil && n > 0 && strconv.FormatUint(n, 10) == text {
		return n, nil
	}
	if c.texts == nil {
		c.texts = make([]string, keptCursors)
	}
	at := &c.texts[c.given%keptCursors]
	if err := c.held.Hold(ctx, c.held.Bytes()+len(text)-len(*at)); err != nil {
		return 0, err
	}
	*at = text
	c.given++
	return firstKept + c.given - 1, nil
}
