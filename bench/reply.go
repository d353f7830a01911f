package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// reply parses one HTTP/1.1 response incrementally and keeps only the length of the body: the client must cost less than the
// server. It supports what the measured servers send: a length, chunks with trailers, or neither if the status has no body.
type reply struct {
	status int
	close  bool // the server will close the connection
	body   int  // bytes of the body so far

	head  []byte // what has come of the head, or of a line between chunks
	state replyState
	left  int // bytes of the body, or of the chunk, that are still to come
}

// replyState is the part of the response that is expected next.
type replyState uint8

const (
	inHead replyState = iota
	inBody
	replyDone
	inSize    // a line with a chunk's size
	inChunk   // its bytes
	inChunkNL // the line break behind them
	inTrailer
)

var errReply = errors.New("the answer is no HTTP/1.1")

// feed parses more bytes and says whether the response is complete. Bytes after it are an error, as only one request was sent.
func (r *reply) feed(b []byte) (done bool, err error) {
	for len(b) > 0 && r.state != replyDone {
		switch r.state {
		case inBody, inChunk:
			n := min(len(b), r.left)
			r.left -= n
			r.body += n
			b = b[n:]
			if r.left == 0 {
				r.state++
			}
		case inHead:
			if b, err = r.takeHead(b); err != nil {
				return false, err
			}
		default:
			if b, err = r.takeLine(b); err != nil {
				return false, err
			}
		}
	}
	if len(b) > 0 {
		return false, fmt.Errorf("%w: %d bytes behind it", errReply, len(b))
	}
	return r.state == replyDone, nil
}

// takeHead reads up to the empty line. A head in one piece, as nearly all are, is not copied.
func (r *reply) takeHead(b []byte) (rest []byte, err error) {
	whole, seen := b, len(r.head)
	if seen > 0 {
		r.head = append(r.head, b...)
		whole = r.head
	}
	end := bytes.Index(whole, []byte("\r\n\r\n"))
	if end < 0 {
		if seen == 0 {
			r.head = append(r.head, b...)
		}
		return nil, nil
	}
	rest = b[end+4-seen:]
	err = r.parseHead(whole[:end+2])
	r.head = r.head[:0]
	return rest, err
}

func (r *reply) parseHead(head []byte) error {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return fmt.Errorf("%w: %.40q", errReply, line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return fmt.Errorf("%w: %.40q", errReply, line)
	}
	r.status, r.state, r.left = status, replyDone, -1
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case equalFold(name, "content-length"):
			if r.left, err = strconv.Atoi(string(value)); err != nil {
				return fmt.Errorf("%w: %.40q", errReply, line)
			}
			if r.left > 0 {
				r.state = inBody
			}
		case equalFold(name, "transfer-encoding"):
			r.state = inSize
			r.left = 0
		case equalFold(name, "connection"):
			r.close = equalFold(value, "close")
		}
	}
	if r.left < 0 && status >= 200 && status != 204 && status != 304 {
		return fmt.Errorf("%w: neither length nor chunks", errReply)
	}
	return nil
}

// equalFold compares a header's name without regard to case; name is in lower case.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i := range b {
		if c := b[i]; c != name[i] && (c < 'A' || c > 'Z' || c+'a'-'A' != name[i]) {
			return false
		}
	}
	return true
}

// takeLine takes a line between chunks: a size, a chunk's end, or trailers up to the empty line.
func (r *reply) takeLine(b []byte) (rest []byte, err error) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		r.head = append(r.head, b...)
		return nil, nil
	}
	line := b[:i]
	if len(r.head) > 0 {
		r.head = append(r.head, line...)
		line = r.head
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch r.state {
	case inSize:
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil {
			return nil, fmt.Errorf("%w: chunk size %.20q", errReply, line)
		}
		r.left, r.state = int(n), inChunk
		if n == 0 {
			r.state = inTrailer
		}
	case inChunkNL:
		r.state = inSize
	case inTrailer:
		if len(line) == 0 {
			r.state = replyDone
		}
	}
	r.head = r.head[:0]
	return b[i+1:], nil
}

// reset makes r ready for the next answer.
func (r *reply) reset() { *r = reply{head: r.head[:0]} }
