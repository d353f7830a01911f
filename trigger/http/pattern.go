package http

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// pattern is the path of a route. A path without parameters is a prefix: /shop is for itself and what is below it. In others each
// segment is a text, a parameter (:name) or * for any one segment, and the whole path has to match; * as the last segment is for all that
// follows. A segment that is empty matches no parameter and no * in the middle.
type pattern struct {
	text     string
	prefix   bool      // a path without parameters
	segments []segment // of the others, without the * at the end
	rest     bool      // there is a * at the end
}

// segment is one segment of a pattern: a text, or, where wild, anything.
type segment struct {
	text string // of a parameter its name; empty for *
	wild bool
}

// parsePattern parses a path. Its errors are texts for the author of a manifest.
func parsePattern(path string) (pattern, error) {
	p := pattern{text: path}
	if path == "" || path[0] != '/' {
		return p, fmt.Errorf("%q: want a path that begins with /", path)
	}
	if strings.ContainsAny(path, "?#") {
		return p, fmt.Errorf("%q: want a path without a query or fragment", path)
	}
	parts := strings.Split(path[1:], "/")
	names := map[string]bool{}
	for i, part := range parts {
		s := segment{text: part}
		name, named := strings.CutPrefix(part, ":")
		switch {
		case named:
			if err := checkParameter(name, names); err != nil {
				return p, fmt.Errorf("%q: %w", path, err)
			}
			s = segment{text: name, wild: true}
		case part == "*" && i == len(parts)-1:
			p.rest = true
			continue
		case part == "*":
			s = segment{wild: true}
		case strings.Contains(part, "*"):
			return p, fmt.Errorf("%q: * stands for a whole segment, or at the end for all that follows; want it alone between slashes", path)
		}
		p.segments = append(p.segments, s)
	}
	p.prefix = !p.rest
	for _, s := range p.segments {
		p.prefix = p.prefix && !s.wild
	}
	return p, nil
}

// checkParameter checks the name of a parameter, which becomes a part of a field's name, and adds it to names.
func checkParameter(name string, names map[string]bool) error {
	if name == "" {
		return errors.New("a parameter has no name; want :name")
	}
	for _, c := range []byte(name) {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return fmt.Errorf("the parameter :%s has a character other than letters, digits, _ and -", name)
		}
	}
	if lower := strings.ToLower(name); names[lower] {
		return fmt.Errorf("the parameter :%s is there twice", name)
	}
	names[strings.ToLower(name)] = true
	return nil
}

// covers says whether the pattern matches a path.
func (p *pattern) covers(path string) bool {
	if p.prefix {
		rest, ok := strings.CutPrefix(path, p.text)
		return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(p.text, "/"))
	}
	_, ok := p.match(path, nil)
	return ok
}

// match matches a path, calls found, if it is not nil, with the segment and the name of each parameter, and returns what is behind the
// pattern's own segments, with the slash in front.
func (p *pattern) match(path string, found func(segment int, name string)) (rest string, ok bool) {
	if p.prefix {
		if !p.covers(path) {
			return "", false
		}
		return path[len(strings.TrimSuffix(p.text, "/")):], true
	}
	for i, s := range p.segments {
		if path == "" || path[0] != '/' {
			return "", false
		}
		part := path[1:]
		if end := strings.IndexByte(part, '/'); end >= 0 {
			part = part[:end]
		}
		if s.wild && part == "" || !s.wild && part != s.text {
			return "", false
		}
		if found != nil && s.wild && s.text != "" {
			found(i, s.text)
		}
		path = path[1+len(part):]
	}
	if p.rest {
		return path, strings.HasPrefix(path, "/")
	}
	return path, path == ""
}

// shape is the pattern without the names of its parameters: two of one shape match the same paths.
func (p *pattern) shape() string {
	if p.prefix && !strings.HasSuffix(p.text, "/") {
		return p.text
	}
	var b strings.Builder
	for i, s := range p.segments {
		switch {
		case s.wild:
			b.WriteString("/*")
		case p.prefix && i == len(p.segments)-1: // what is behind the last slash of a prefix
		default:
			b.WriteString("/" + s.text)
		}
	}
	if p.rest || p.prefix {
		b.WriteString("/**")
	}
	return b.String()
}

// compare is below 0 where p is more specific than q: at the first segment that differs a text comes before a parameter, that before the
// end of a whole path, and all before what matches everything from there on.
func (p *pattern) compare(q *pattern) int {
	for i := 0; ; i++ {
		a, b := p.rank(i), q.rank(i)
		if c := cmp.Compare(a, b); c != 0 || a >= rankEnd {
			return c
		}
		if a == rankText && p.segments[i].text != q.segments[i].text { // no path matches both
			return cmp.Compare(p.segments[i].text, q.segments[i].text)
		}
	}
}

// The ranks of what a pattern has at one place.
const (
	rankText = iota
	rankWild
	rankEnd    // of a whole path
	rankRest   // * at the end, and what a prefix with a slash at its end has there
	rankPrefix // the end of a prefix, which matches that path, too
)

func (p *pattern) rank(i int) int {
	n := len(p.segments)
	slash := p.prefix && strings.HasSuffix(p.text, "/")
	if slash {
		n--
	}
	switch {
	case i < n && p.segments[i].wild:
		return rankWild
	case i < n:
		return rankText
	case slash || p.rest:
		return rankRest
	case p.prefix:
		return rankPrefix
	}
	return rankEnd
}
