package spintoml

import (
	"path"
	"strings"

	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
)

// fileServers finds components that are Spin's static file server: a trigger serves their folder itself. A workload has a component, so
// that one stays where there are no others.
func (i *importer) fileServers(components foreign.Table) {
	all := components.Keys()
	for _, id := range all {
		c, _ := components.Map[id].(map[string]any)
		if !isFileServer(c["source"]) {
			continue
		}
		at := foreign.Join(components.At(id), "source")
		folder, ok := servedFolder(c["files"])
		switch {
		case !ok:
			i.Note(at, "the file server stays a component: want files of one folder, with the destination /, for an http trigger with static in its place")
		case len(i.folders) == len(all)-1:
			i.Note(at, "the file server stays a component, because a workload has one; an http trigger with static: %s serves files without", folder)
		default:
			i.folders[id] = folder
			t := components.Sub(id)
			for _, key := range []string{"source", "files", "description"} {
				t.Take(key)
			}
			i.Note(at, "the file server is left out: http triggers with static: %s serve its files", folder)
			t.Rest(nil)
		}
	}
}

// isFileServer says whether a source is that of Spin's static file server, by the name of its file.
func isFileServer(source any) bool {
	text, _ := source.(string)
	if m, ok := source.(map[string]any); ok {
		text, _ = m["url"].(string)
	}
	switch strings.ReplaceAll(path.Base(text), "-", "_") {
	case "spin_static_fs.wasm", "spin_fileserver.wasm", "fileserver.wasm":
		return true
	}
	return false
}

// servedFolder is the one folder that is the file server's root.
func servedFolder(files any) (folder string, ok bool) {
	list, _ := files.([]any)
	if len(list) != 1 {
		return "", false
	}
	m, _ := list[0].(map[string]any)
	to, _ := m["destination"].(string)
	folder, _ = m["source"].(string)
	return folder, folder != "" && to == "/"
}
