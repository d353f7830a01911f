package http

import (
	"bytes"
	"strconv"
	"sync/atomic"
)

// framing follows the bytes of a connection of HTTP/1 as net/http reads them, to learn what net/http does not say: that a head
// said more than once where its body ends. Whoever stands before the server may have believed the other, so that the connection
// is not to be used after that (RFC 9112 §6.1, §6.3). It keeps the ends of one line, and nothing else.
type framing struct {
	ambiguous atomic.Bool // some head was so, or what came could not be followed
	whole     atomic.Bool // what has come ends with a message

	at      place
	line    []byte // that has begun: its first bytes
	tail    []byte // and its last
	skip    uint64 // bytes of a body or chunk that are still to come
	old     bool   // the head is HTTP/1.0's
	lengths int    // content-length fields of the head
	length  uint64 // the last one
	coded   bool   // the head has a transfer-encoding
}

// place is where in a message the next byte stands.
type place uint8

const (
	atStart place = iota // of a head
	inHead
	inBody
	inChunkSize
	inChunk
	behindChunk
	inTrailers
	unfollowed // HTTP/2, or nothing that net/http would go on with
)

const (
	maxLine = 64 // of a line's first bytes; names and numbers stand there
	maxTail = 16
)

// observe takes what has been read.
func (f *framing) observe(p []byte) {
	f.follow(p)
	f.whole.Store(f.at == atStart)
}

func (f *framing) follow(p []byte) {
	for len(p) > 0 && f.at != unfollowed {
		if chunk := f.at == inChunk; chunk || f.at == inBody {
			n := min(uint64(len(p)), f.skip)
			p = p[n:]
			if f.skip -= n; f.skip == 0 {
				f.at = atStart
				if chunk {
					f.at = behindChunk
				}
			}
			continue
		}
		text, rest, whole := bytes.Cut(p, []byte{'\n'})
		if whole && len(f.line) == 0 { // as a rule: nothing of it has to be kept
			f.next(text[:min(len(text), maxLine)], text)
			p = rest
			continue
		}
		f.line = append(f.line, text[:min(len(text), maxLine-len(f.line))]...)
		f.tail = append(f.tail, text[max(len(text)-maxTail, 0):]...)
		f.tail = f.tail[max(len(f.tail)-maxTail, 0):]
		if !whole {
			return
		}
		f.next(f.line, f.tail)
		f.line, f.tail = f.line[:0], f.tail[:0]
		p = rest
	}
}

// next takes a line: its first bytes, and its last.
func (f *framing) next(line, tail []byte) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	switch f.at {
	case atStart:
		f.start(line, tail)
	case inHead:
		if len(line) == 0 {
			f.body()
			return
		}
		f.field(line)
	case inChunkSize:
		f.chunk(line)
	case behindChunk:
		f.at = inChunkSize
		if len(line) > 0 {
			f.giveUp()
		}
	case inTrailers:
		if len(line) == 0 {
			f.at = atStart
		}
	}
}

func (f *framing) start(line, tail []byte) {
	switch {
	case len(line) == 0: // net/http forgives it
	case bytes.HasPrefix(line, []byte("PRI * HTTP/2.0")):
		f.at = unfollowed
	default:
		f.at, f.lengths, f.length, f.coded = inHead, 0, 0, false
		f.old = bytes.HasSuffix(bytes.TrimSuffix(tail, []byte{'\r'}), []byte(" HTTP/1.0"))
	}
}

func (f *framing) field(line []byte) {
	if c := line[0] | 0x20; c != 't' && c != 'c' {
		return
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	switch {
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		f.coded = true
	case bytes.EqualFold(name, []byte("content-length")):
		f.lengths++
		var err error
		if f.length, err = strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 63); err != nil || len(line) >= maxLine-1 {
			f.giveUp() // net/http refuses it, or folds lines together
		}
	}
}

// body is the end of a head.
func (f *framing) body() {
	if f.lengths > 1 || f.coded && (f.lengths > 0 || f.old) {
		f.ambiguous.Store(true)
	}
	switch {
	case f.coded && !f.old:
		f.at = inChunkSize
	case f.length > 0:
		f.at, f.skip = inBody, f.length
	default:
		f.at = atStart
	}
}

func (f *framing) chunk(line []byte) {
	line, _, _ = bytes.Cut(line, []byte{';'})
	n, err := strconv.ParseUint(string(bytes.TrimRight(line, " \t\r")), 16, 64)
	switch {
	case err != nil:
		f.giveUp()
	case n == 0:
		f.at = inTrailers
	default:
		f.at, f.skip = inChunk, n
	}
}

// giveUp gives up: the connection is good for one more answer at most.
func (f *framing) giveUp() {
	f.at = unfollowed
	f.ambiguous.Store(true)
}
