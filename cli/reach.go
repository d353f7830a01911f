package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/artifact"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

// allowGrantsOption accepts the grants of a document that is not a file of this machine.
var allowGrantsOption = option{name: "allow-grants", group: groupGrants, env: "VITRINE_ALLOW_GRANTS",
	usage: "give a workload from a registry all that its document asks for: folders, secrets, addresses and backends, as vitrine inspect REF lists them; what --verify-key has accepted needs no other consent", example: "--allow-grants"}

// flagOf are the flags that replace grants of a document, by the grants' keys.
var flagOf = map[string]string{
	"grants.files": "dir", "grants.http": "allow-http", "grants.sockets.connect": "allow-connect", "grants.sockets.listen": "allow-listen",
}

// documentOf is a workload's document in a registry: its name in messages, and its text with whole references.
func documentOf(a *artifact.Artifact) (name string, data []byte, err error) {
	data, err = absoluteImages(a.Document, a.Reference)
	return a.Reference.Name() + "@" + a.Reference.Digest(), data, err
}

// reachesOf are what the workload in a registry asks for outside it, and its manifest. Nothing of this machine is looked at.
func (p *process) reachesOf(a *artifact.Artifact) ([]app.Reach, error) {
	name, data, err := documentOf(a)
	if err != nil {
		return nil, err
	}
	format := p.ships.format().Elsewhere()
	w, err := format.Parse(name, data)
	if err != nil {
		return nil, err
	}
	return format.Reaches(w), nil
}

// consented says whether somebody here has allowed what the document of a workload asks for: by a flag for all of it, by the flag of the grant, which
// is then in the place of the document's, or by a key that has signed it.
func (p *process) consented(s *settings, a *artifact.Artifact) error {
	allowed, from := s.text(allowGrantsOption.name, "false")
	if err := oneOf(allowed, "true", "false"); err != nil {
		return badValue(from, err)
	}
	if allowed == "true" || a.Key != "" {
		return nil
	}
	reaches, err := p.reachesOf(a)
	if err != nil {
		return err
	}
	reaches = slices.DeleteFunc(reaches, func(r app.Reach) bool {
		given, _ := s.values(flagOf[r.Grant])
		return len(given) > 0
	})
	if len(reaches) == 0 {
		return nil
	}
	problem := &Problem{What: fmt.Sprintf("the workload asks for %s outside it that nobody here has allowed", counted(len(reaches), "thing")), Where: a.Reference.String(),
		Whys: []string{"a document from a registry grants nothing by itself; it asks for:"},
		Do:   "read the list, and allow all of it with --allow-grants; or give yours with --dir, --allow-http, --allow-connect, --allow-listen; or take only what a key you trust has signed, with --verify-key",
		Code: ExitUsage}
	for _, r := range reaches {
		problem.Whys = append(problem.Whys, r.String())
	}
	return problem
}

// loadSpec is readSpec for what is to run: the document of a workload from a registry has what it grants by somebody's consent.
func (p *process) loadSpec(ctx context.Context, s *settings, path string) (*workload.Spec, error) {
	w, from, err := p.readSpec(ctx, s, path)
	if err == nil && from != nil {
		err = p.consented(s, from)
	}
	if err == nil && from != nil { // what it names has to be here from now on
		var name string
		var data []byte
		if name, data, err = documentOf(from); err == nil {
			if w, err = p.specFormat(s).Parse(name, data); err == nil {
				w.Artifact = &workload.ImageStatus{Image: path, Exact: from.Reference.String(), Key: from.Key}
				err = s.apply(w)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// specFormat is the format of manifests with the folder that flags say.
func (p *process) specFormat(s *settings) *app.Format {
	format := p.ships.format()
	if dir, _ := s.text("state-dir", ""); dir != "" {
		format.State = filepath.Clean(dir)
	}
	return format
}

// reachesText lists what a workload asks for, a line each, below a heading, lead; empty where it asks for nothing. It may be printed on a terminal.
func reachesText(reaches []app.Reach, lead string) string {
	if len(reaches) == 0 {
		return ""
	}
	out := fmt.Sprintf("%s %s outside the workload:\n", lead, counted(len(reaches), "thing"))
	for _, r := range reaches {
		out += "  " + text.Printable(r.String()) + "\n"
	}
	return out
}
