package wit

import (
	"fmt"
	"strings"
)

// InterfaceID names one WIT interface in full: "wasi:http/handler@0.3.0". Version is empty where the package has
// none. A bare Interface with empty Namespace and Package is a plain (kebab) name, as a component may use for an
// instance of its own making. InterfaceIDs are comparable.
type InterfaceID struct {
	Namespace, Package, Interface, Version string
}

// ParseID reads "ns:pkg/iface@1.2.3", "ns:pkg/iface" or a plain name. It never guesses: a text with ':' that lacks
// '/' is an error.
func ParseID(s string) (InterfaceID, error) {
	var id InterfaceID
	ns, rest, ok := strings.Cut(s, ":")
	if !ok {
		if s == "" {
			return id, fmt.Errorf("interface name is empty")
		}
		id.Interface = s
		return id, nil
	}
	pkg, rest, ok := strings.Cut(rest, "/")
	if !ok || ns == "" || pkg == "" {
		return id, fmt.Errorf("%q: want namespace:package/interface[@version]", s)
	}
	iface, version, _ := strings.Cut(rest, "@")
	if iface == "" {
		return id, fmt.Errorf("%q: want namespace:package/interface[@version]", s)
	}
	return InterfaceID{Namespace: ns, Package: pkg, Interface: iface, Version: version}, nil
}

// MustParseID is ParseID for names written in source code; it panics on a malformed one.
func MustParseID(s string) InterfaceID {
	id, err := ParseID(s)
	if err != nil {
		panic(err)
	}
	return id
}

// String spells the name in full, as WIT does.
func (id InterfaceID) String() string {
	if id.Namespace == "" {
		return id.Interface
	}
	s := id.Namespace + ":" + id.Package + "/" + id.Interface
	if id.Version != "" {
		s += "@" + id.Version
	}
	return s
}

// Unversioned is the same interface without its version: the key under which compatible versions meet.
func (id InterfaceID) Unversioned() InterfaceID {
	id.Version = ""
	return id
}
