package guestfixture

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	blobmemory "github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	msgmemory "github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/postgres"
	"github.com/vitrine-wasm/vitrine/plugin/redis"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	sqlitelocal "github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	filesystemp2 "github.com/vitrine-wasm/vitrine/wasi/filesystem/p2"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
	socketsp2 "github.com/vitrine-wasm/vitrine/wasi/sockets/p2"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Fixture is a guest linked to a host of its own: buckets, folder and connections are not shared with other fixtures.
type Fixture struct {
	Linked *component.Linked
	guest  *Guest
	peers  *Peers
	client *wasihttp.Client

	releases []func()
}

// Config configures a Fixture.
type Config struct {
	// Read returns a prebuilt guest's bytes by its name.
	Read func(name string) ([]byte, error)
	// Folder is granted to guests that want one, as ".".
	Folder      string
	Peers       *Peers
	Real        bool // clocks and randomness are the system's
	Interceptor cm.Interceptor
}

// Link makes a Fixture. Close it before the engine.
func (g *Guest) Link(ctx context.Context, e *component.Engine, cfg Config) (*Fixture, error) {
	c, err := g.load(ctx, e, cfg)
	if err != nil {
		return nil, err
	}
	l := e.NewLinker(cfg.Interceptor)
	b := &Fixture{guest: g, peers: cfg.Peers}
	var folders []filesystem.Preopen
	if g.folder {
		folders = []filesystem.Preopen{{Host: cfg.Folder, Guest: "."}}
	}
	loopback := []string{"127.0.0.1:*"}
	policy, err := sockets.NewPolicy(sockets.Grants{Connect: loopback, Listen: loopback})
	if err != nil {
		return nil, err
	}
	b.client = wasihttp.NewClient(wasihttp.ClientConfig{Allow: func(_, host, port string) bool { return host+":"+port == cfg.Peers.HTTP }})
	addSeeded(l, cfg.Real)
	iop2.Add(l)
	filesystemp2.Add(l, &filesystem.Preopens{Folders: folders})
	socketsp2.Add(l, policy)
	httpp2.Add(l, b.client)
	l.Instance(wit.MustParseID("lab:greet/log")).GoFunc("say", func(ctx context.Context, s string) { worldOf(ctx).write("say", []byte(s)) })
	if len(g.parts) == 0 {
		g.stubs(l)
	}
	w := &workload.Spec{Name: "drive", Components: []workload.Component{{Name: g.Name, Config: map[string]string{"greeting": greeting}, Grants: workload.Grants{Messaging: map[string]workload.StoreGrant{"out.>": {}}}}}}
	bound := &host.Binding{Workload: w, Component: &w.Components[0]}
	for _, p := range []host.Plugin{config.Plugin{}, logging.Plugin{}, keyvalue.New(kvmemory.New(0)), blobstore.New(blobmemory.New(0)), sqlite.New(sqlitelocal.NewMemory(0)), messaging.New(msgmemory.New(0)), redis.New(), mqtt.New(), postgres.New()} {
		release, err := p.Bind(ctx, l, bound)
		if err != nil {
			return nil, err
		}
		if release != nil {
			b.releases = append(b.releases, release)
		}
	}
	if b.Linked, err = l.Link(ctx, c); err != nil {
		return nil, errors.Join(err, b.client.Close())
	}
	return b, nil
}

// load loads the guest, composed with the guests that define its imports.
func (g *Guest) load(ctx context.Context, e *component.Engine, cfg Config) (*component.Component, error) {
	parts := append([]component.Part{{Name: g.Name, Links: g.links}}, g.parts...)
	for i := range parts {
		wasm, err := cfg.Read(parts[i].Name)
		if err != nil {
			return nil, err
		}
		if parts[i].Component, err = e.Load(ctx, parts[i].Name, wasm); err != nil {
			return nil, err
		}
	}
	if len(parts) == 1 {
		return parts[0].Component, nil
	}
	return e.Compose(ctx, g.Name, parts)
}

// stubs defines imports that could also be linked to other guests.
func (g *Guest) stubs(l *component.Linker) {
	l.Instance(wit.MustParseID("lab:cstr/text@1.2.3")).GoFunc("rev", func(s string) string { return "<" + s + ">" })
}

// Close releases the system's resources. Instances are closed before.
func (b *Fixture) Close() error {
	for _, release := range b.releases {
		release()
	}
	return b.client.Close()
}

// Options are those of an instance as the host makes it.
func (b *Fixture) Options(i component.Isolation) []component.StoreOption {
	return []component.StoreOption{component.WithReset(i, b.constant), component.WithMemory(64 << 20), component.WithTables(20_000), component.WithFuel(20_000_000)}
}

// constant says which calls return the same to all instances, as the host does: an environment is that of the workload. Only
// commands have arguments of their own here.
func (b *Fixture) constant(f *cm.Boundary) bool {
	return f.Interface.Interface == "environment" && !(b.guest.command && f.Func == "get-arguments")
}

// Do runs a use in an instance and a world, and returns everything that can be observed of it. The error is the guest's trap
// or exit.
func (b *Fixture) Do(ctx context.Context, inst *component.Instance, u Use, w *World) (string, error) {
	var out strings.Builder
	err := u.run(w.In(ctx), b, inst, w, &out)
	fmt.Fprintf(&out, "\n%s", w.Written())
	if err != nil {
		fmt.Fprintf(&out, "ended: %v\n", err)
	}
	text := out.String()
	if u.mask != nil {
		text = u.mask.ReplaceAllString(text, "…")
	}
	return text, err
}
