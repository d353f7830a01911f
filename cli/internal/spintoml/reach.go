package spintoml

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// files grants the folders of files. A grant is of a whole folder: a pattern that names less of one is not widened.
func (i *importer) files(t foreign.Table, c *v1alpha1.Component) {
	excluded := t.Texts("exclude_files")
	for n, v := range t.List("files") {
		at := fmt.Sprintf("%s[%d]", t.At("files"), n)
		switch f := v.(type) {
		case string:
			dir, whole := strings.CutSuffix(f, "/**/*")
			if !whole || strings.ContainsAny(dir, "*?[{") || path.IsAbs(dir) {
				i.Note(at, "left out: a grant is of a folder with all that is in it; write grants.files where that may be read")
				continue
			}
			if len(excluded) > 0 {
				i.Note(at, "left out, because of exclude_files: a grant of the folder would have those files, too")
				continue
			}
			i.folder(c, dir, "/"+path.Clean(dir))
		case map[string]any:
			source, _ := f["source"].(string)
			guest, _ := f["destination"].(string)
			switch {
			case source == "" || guest == "" || len(f) > 2:
				i.Note(at, "left out: want source and destination")
			case path.Ext(source) != "" && path.Ext(source) == path.Ext(guest):
				i.Note(at, "left out: a grant is of a folder, and this looks like a file")
			default:
				i.folder(c, source, "/"+strings.TrimPrefix(path.Clean(guest), "/"))
			}
		default:
			i.Note(at, "left out: want a text or a table")
		}
	}
}

func (i *importer) folder(c *v1alpha1.Component, host, guest string) {
	if !slices.ContainsFunc(c.Grants.Files, func(g v1alpha1.FileGrant) bool { return g.Guest == guest }) {
		c.Grants.Files = append(c.Grants.Files, v1alpha1.FileGrant{Host: host, Guest: guest, Access: "read"})
	}
}

// hosts grants the hosts of allowed_outbound_hosts: by HTTP where the scheme is that of HTTP, and by sockets otherwise.
func (i *importer) hosts(t foreign.Table, c *v1alpha1.Component) {
	for n, text := range t.Texts("allowed_outbound_hosts") {
		at := fmt.Sprintf("%s[%d]", t.At("allowed_outbound_hosts"), n)
		host, why := i.expand(text)
		if why == "" {
			why = i.host(at, host, &c.Grants)
		}
		if why != "" {
			i.Note(at, "left out: %s", why)
		}
	}
}

// host grants one host, or says why not.
func (i *importer) host(at, text string, g *v1alpha1.Grants) (why string) {
	scheme, host, ok := strings.Cut(text, "://")
	host = strings.TrimSuffix(host, "/")
	switch {
	case text == "insecure:allow-all":
		scheme, host = "*", "*:*"
	case !ok:
		return "want a scheme and a host"
	}
	name, port, hasPort := strings.Cut(host, ":")
	switch below, internal := strings.CutSuffix(name, ".spin.internal"); {
	case name == "self" || internal && below == "*":
		return "name the components that it may reach: http://NAME.internal"
	case internal && i.names[below] == "":
		return "there is no component of that name"
	case internal:
		i.Note(at, "the component is at http://%s.internal here", i.names[below])
		g.HTTP = add(g.HTTP, v1alpha1.HTTPGrant("http://"+string(i.names[below])+workload.InternalSuffix))
		return ""
	}
	if strings.Contains(port, "..") {
		return "a grant has one port, or * for all"
	}
	if scheme == "http" || scheme == "https" || scheme == "*" {
		grants := []string{scheme + "://" + host}
		switch {
		case scheme == "*" && host == "*:*":
			grants = []string{"*"}
		case scheme == "*":
			grants = []string{"http://" + host, "https://" + host}
		}
		for _, grant := range grants {
			if _, err := workload.ParseHTTP(grant); err != nil {
				return "want a host and a port, of which each may be *"
			}
			g.HTTP = add(g.HTTP, v1alpha1.HTTPGrant(grant))
		}
		if scheme != "*" {
			return ""
		}
	}
	if scheme == "postgresql" {
		scheme = "postgres"
	}
	if !hasPort {
		port = map[string]string{"redis": "6379", "rediss": "6379", "postgres": "5432", "mysql": "3306", "mqtt": "1883", "mqtts": "8883"}[scheme]
	}
	switch {
	case scheme == "redis" || scheme == "rediss" || scheme == "mqtt" || scheme == "mqtts":
		return serverGrant(g, scheme, name, port)
	case port == "" && scheme == "*": // those of HTTP have one
		return ""
	case port == "":
		return "want a port"
	}
	address := name + ":" + port
	if _, err := workload.ParseAddress(address); err != nil {
		return "a grant of sockets has a host and a port, of which each may be *"
	}
	if scheme == "postgres" {
		return grantPostgres(address, g)
	}
	g.Sockets.Connect = add(g.Sockets.Connect, v1alpha1.SocketGrant(address))
	if scheme != "*" {
		i.Note(at, "granted to wasi:sockets; an interface of Spin's for %s may be missing, which `vitrine check` says", scheme)
	}
	return ""
}

// grantPostgres grants the databases of a server, for the addresses with which the component opens them.
func grantPostgres(address string, g *v1alpha1.Grants) (why string) {
	if strings.Contains(address, "*") {
		return "a grant of databases has the host and the port of one server"
	}
	if g.Postgres == nil {
		g.Postgres = map[string]v1alpha1.StoreGrant{}
	}
	url := "postgres://" + address
	g.Postgres[url] = v1alpha1.StoreGrant{Type: "postgres", Config: url}
	return ""
}

// add adds what is not there yet.
func add[T comparable](to []T, v T) []T {
	if slices.Contains(to, v) {
		return to
	}
	return append(to, v)
}
