package validate

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

type nameKind uint8

const (
	plainName nameKind = iota
	constructorName
	methodName
	staticName
	interfaceName
	dependencyName // depname, urlname, hashname: imports only
)

// externName is a parsed import or export name (Explainer.md §Import and Export Definitions).
type externName struct {
	kind     nameKind
	resource string // of a method, static function or constructor
	label    string // plain name, or what follows the dot
	key      string // equal for names that are not strongly-unique
}

// Patterns are compiled when they are first needed, because few components have such names.
var (
	semverRE = pattern(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
		`(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?` +
		`(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)
	canonVersionRE = pattern(`^([1-9]\d*|0\.[1-9]\d*|0\.0\.[1-9]\d*)$`)
	dependencyRE   = pattern(`^((un)?locked-dep|url|integrity)=<[^<>]*>(,integrity=<[^<>]*>)?$`)
)

func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// isLabel says whether s is a label: words and acronyms in kebab case.
func isLabel(s string) bool { return isKebab(s, true) }

// isKebab says whether s is words of one case and digits, with hyphens between them, the first of which begins with a
// letter. Upper case is for acronyms.
func isKebab(s string, acronyms bool) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for word := range strings.SplitSeq(s, "-") {
		lower, upper := false, false
		for i := range len(word) {
			switch c := word[i]; {
			case 'a' <= c && c <= 'z':
				lower = true
			case 'A' <= c && c <= 'Z':
				upper = true
			case '0' <= c && c <= '9':
			default:
				return false
			}
		}
		if word == "" || upper && (lower || !acronyms) {
			return false
		}
	}
	return true
}

// isSemver says whether s is a version of Semantic Versioning 2.0.0.
func isSemver(s string) bool {
	plain, n := true, 0
	for part := range strings.SplitSeq(s, ".") {
		plain = plain && part != "" && (part == "0" || part[0] != '0') && strings.Trim(part, "0123456789") == ""
		n++
	}
	return plain && n == 3 || semverRE().MatchString(s)
}

func needLabel(s string) error {
	if !isLabel(s) {
		return fmt.Errorf("`%s` is not in kebab case", s)
	}
	return nil
}

// gatedName is the error of a name that needs a feature.
type gatedName struct {
	feature Feature
	what    string
}

func (g *gatedName) Error() string { return g.what }

func parseName(s string) (externName, error) {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		return parseAnnotated(s, rest)
	}
	if strings.Contains(s, "=<") {
		if !dependencyRE().MatchString(s) {
			return externName{}, fmt.Errorf("`%s` is neither a dependency, URL nor hash name", s)
		}
		return externName{kind: dependencyName, key: "d:" + s}, nil
	}
	if strings.Contains(s, ":") {
		return parseInterface(s)
	}
	if err := needLabel(s); err != nil {
		return externName{}, err
	}
	return externName{kind: plainName, label: s, key: "l:" + strings.ToLower(s)}, nil
}

func parseAnnotated(s, rest string) (externName, error) {
	what, name, ok := strings.Cut(rest, "]")
	n := externName{}
	switch {
	case ok && what == "constructor":
		n.kind, n.resource, n.key = constructorName, name, "c:"+strings.ToLower(name)
		return n, needLabel(name)
	case ok && what == "method":
		n.kind = methodName
	case ok && what == "static":
		n.kind = staticName
	default:
		return n, fmt.Errorf("`%s` has an unknown annotation", s)
	}
	if n.resource, n.label, ok = strings.Cut(name, "."); !ok {
		return n, fmt.Errorf("failed to find `.` character in `%s`", s)
	}
	if err := needLabel(n.resource); err != nil {
		return n, err
	}
	if err := needLabel(n.label); err != nil {
		return n, err
	}
	// [method]l.l and [static]l.l are not strongly-unique with plain l.
	res, label := strings.ToLower(n.resource), strings.ToLower(n.label)
	if n.key = "m:" + res + "." + label; res == label {
		n.key = "l:" + label
	}
	return n, nil
}

func parseInterface(s string) (externName, error) {
	n := externName{kind: interfaceName}
	path, version, versioned := strings.Cut(s, "@")
	namespace, rest, _ := strings.Cut(path, ":")
	pkg, projection, hasProjection := strings.Cut(rest, "/")
	for _, words := range []string{namespace, pkg} {
		if !strings.Contains(words, ":") && !isKebab(words, false) {
			return n, fmt.Errorf("`%s` is not in kebab case of lower-case words", words)
		}
	}
	switch {
	case strings.Contains(pkg, ":"):
		return n, &gatedName{NestedNames, fmt.Sprintf("expected `/` after package name in `%s`", s)}
	case !hasProjection:
		return n, fmt.Errorf("expected `/` after package name in `%s`", s)
	}
	projection, more, nested := strings.Cut(projection, "/")
	if nested {
		return n, &gatedName{NestedNames, fmt.Sprintf("trailing characters found: `/%s`", more)}
	}
	if err := needLabel(projection); err != nil {
		return n, err
	}
	n.key = "i:" + strings.ToLower(path)
	if !versioned {
		return n, nil
	}
	n.key += "@" + version
	switch {
	case isSemver(version):
	case canonVersionRE().MatchString(version):
		return n, &gatedName{CanonicalNames, fmt.Sprintf("`%s` is not a valid semver: it is a canonical version", version)}
	default:
		return n, fmt.Errorf("`%s` is not a valid semver", version)
	}
	return n, nil
}

// names is a namespace of imports or exports.
type names struct {
	seen      map[string]string
	resources map[*typ]string // resource types that have a plain name here
}

// check validates a name, with its attributes, and enters it; role is "import" or "export".
func (v *validator) checkName(ns *names, pos int, n binary.Name, e entity, role string) error {
	p, err := parseName(n.Name)
	if err := nameError(pos, n.Name, err); err != nil {
		return err
	}
	if p.kind == dependencyName && role == "export" {
		return errorf(pos, "`%s` is not a valid extern name: an export has a plain or an interface name", n.Name)
	}
	if err := v.checkAttributes(pos, n, p, e); err != nil {
		return err
	}
	if ns.seen == nil {
		ns.seen, ns.resources = map[string]string{}, map[*typ]string{}
	}
	if was, ok := ns.seen[p.key]; ok {
		return errorf(pos, "%s name `%s` conflicts with previous name `%s`", role, n.Name, was)
	}
	ns.seen[p.key] = n.Name
	if err := ns.checkAnnotated(p, e); err != nil {
		return errorf(pos, "%s name `%s` is not valid: %s", role, n.Name, err)
	}
	if p.kind == plainName && e.sort == binary.SortType && e.t.kind == kindResource {
		ns.resources[e.t] = p.label
	}
	return nil
}

func nameError(pos int, name string, err error) error {
	if g, ok := err.(*gatedName); ok { //nolint:errorlint // made just before
		return refuse(pos, g.feature, fmt.Sprintf("`%s` is not a valid extern name: %s", name, g.what))
	}
	if err != nil {
		return errorf(pos, "`%s` is not a valid extern name: %s", name, err)
	}
	return nil
}

func (v *validator) checkAttributes(pos int, n binary.Name, p externName, e entity) error {
	if n.VersionSuffix != "" {
		return refuse(pos, CanonicalNames, fmt.Sprintf("`%s` has a versionsuffix", n.Name))
	}
	if n.Implements == "" {
		return nil
	}
	if e.sort != binary.SortInstance {
		return errorf(pos, "only instances can have an `implements`: `%s` is a %s", n.Name, e.sort)
	}
	if p.kind != plainName {
		return errorf(pos, "name `%s` is not valid with `implements`: it is not a plain name", n.Name)
	}
	i, err := parseName(n.Implements)
	if err := nameError(pos, n.Implements, err); err != nil {
		return err
	}
	if i.kind != interfaceName {
		return errorf(pos, "`implements` of `%s` must be an interface name, not `%s`", n.Name, n.Implements)
	}
	return nil
}

// checkAnnotated checks the type that an annotated name asks for (Binary.md §Import and Export Definitions).
func (ns *names) checkAnnotated(p externName, e entity) error {
	if p.kind != constructorName && p.kind != methodName && p.kind != staticName {
		return nil
	}
	if e.sort != binary.SortFunc {
		return fmt.Errorf("it is not a func but a %s", e.sort)
	}
	f := e.t.fn
	switch p.kind {
	case staticName:
		for _, name := range ns.resources {
			if name == p.resource {
				return nil
			}
		}
		return fmt.Errorf("static resource name is not known in this context")
	case methodName:
		if len(f.params) == 0 {
			return fmt.Errorf("function should have at least one argument")
		}
		if f.params[0].name != "self" {
			return fmt.Errorf("function should have a first argument called `self`, not `%s`", f.params[0].name)
		}
		t := f.params[0].ref.t
		if t == nil || t.val.kind != binary.DefBorrow {
			return fmt.Errorf("function should take a first argument of `(borrow $T)`")
		}
		return ns.resourceNamed(t.val.resource, p.resource)
	}
	if !f.result.present() {
		return fmt.Errorf("function should return one value")
	}
	t := f.result.t
	if t != nil && t.val.kind == binary.DefResult {
		t = t.val.ok.t
	}
	if t == nil || t.val.kind != binary.DefOwn {
		return fmt.Errorf("function should return `(own $T)` or `(result (own $T))`")
	}
	return ns.resourceNamed(t.val.resource, p.resource)
}

func (ns *names) resourceNamed(t *typ, want string) error {
	have, ok := ns.resources[t]
	if !ok {
		return fmt.Errorf("resource used in function does not have a name in this context")
	}
	if have != want {
		return fmt.Errorf("function does not match expected resource name `%s`: it is of `%s`", have, want)
	}
	return nil
}
