package server

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/vitrine-wasm/vitrine/plugin/redis"
)

var errProtocol = errors.New("the server's answer is not of its protocol")

// maxDepth bounds lists in lists.
const maxDepth = 32

// parse parses one value of RESP 2 (Redis serialization protocol specification), and returns what comes after it.
func parse(b []byte, depth int) (v any, rest []byte, err error) {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || len(line) == 0 || depth > maxDepth {
		return nil, nil, errProtocol
	}
	text := string(line[1:])
	switch line[0] {
	case '+':
		return redis.Status(text), rest, nil
	case '-':
		return serverError(text), rest, nil
	case ':':
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, nil, errProtocol
		}
		return n, rest, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil, n < -1, line[0] != '$' && line[0] != '*', n > len(rest): // each element has a byte at least
		return nil, nil, errProtocol
	case n == -1:
		return nil, rest, nil
	case line[0] == '$':
		if len(rest) < n+2 || rest[n] != '\r' || rest[n+1] != '\n' {
			return nil, nil, errProtocol
		}
		return rest[:n:n], rest[n+2:], nil
	}
	list := make([]any, 0, min(n, 1024))
	for range n {
		var v any
		if v, rest, err = parse(rest, depth+1); err != nil {
			return nil, nil, err
		}
		list = append(list, v)
	}
	return list, rest, nil
}
