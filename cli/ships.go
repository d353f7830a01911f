package cli

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/artifact"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	blobfolder "github.com/vitrine-wasm/vitrine/plugin/blobstore/folder"
	blobmemory "github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	blobnats "github.com/vitrine-wasm/vitrine/plugin/blobstore/nats"
	blobs3 "github.com/vitrine-wasm/vitrine/plugin/blobstore/s3"
	"github.com/vitrine-wasm/vitrine/plugin/config"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	kvnats "github.com/vitrine-wasm/vitrine/plugin/keyvalue/nats"
	kvredis "github.com/vitrine-wasm/vitrine/plugin/keyvalue/redis"
	kvsqlite "github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	msgmemory "github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
	msgmqtt "github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	msgnats "github.com/vitrine-wasm/vitrine/plugin/messaging/nats"
	msgredis "github.com/vitrine-wasm/vitrine/plugin/messaging/redis"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
	mqttserver "github.com/vitrine-wasm/vitrine/plugin/mqtt/server"
	"github.com/vitrine-wasm/vitrine/plugin/otel"
	"github.com/vitrine-wasm/vitrine/plugin/postgres"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/pgx"
	"github.com/vitrine-wasm/vitrine/plugin/redis"
	redisserver "github.com/vitrine-wasm/vitrine/plugin/redis/server"
	"github.com/vitrine-wasm/vitrine/plugin/secrets"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	sqlitelocal "github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	messages "github.com/vitrine-wasm/vitrine/trigger/messaging"
	topics "github.com/vitrine-wasm/vitrine/trigger/mqtt"
	channels "github.com/vitrine-wasm/vitrine/trigger/redis"
	"github.com/vitrine-wasm/vitrine/trigger/timer"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Ships lists the plugins and triggers of a program: add to those of Standard, or list all of your own.
type Ships struct {
	// Plugins serve components' imports. WASI is not among them: every program serves it, for `run` with its own standard
	// streams. They are for one call of Main, since they serve one host. The optional methods Backends() []string and
	// BackendTypes() []workload.BackendType, as keyvalue, blobstore and messaging have them, are the backends of grants under the plugin's name.
	Plugins []host.Plugin
	// Triggers are the types that a manifest may name. The first whose Type has a Default serves a component without a manifest.
	Triggers []Trigger
}

// Trigger is one type of trigger.
type Trigger struct {
	Type workload.TriggerType
	// New makes the trigger for a workload that has triggers of the type; nil: the type is reserved and serves nothing.
	New func(TriggerConfig) (host.Trigger, error)
}

// TriggerConfig is what the command line passes to a trigger. `check` passes a Workload and a Logger only.
type TriggerConfig struct {
	Workload *workload.Spec
	Listen   []string      // --listen: addresses in the form of http.Config.Listen; none: the trigger's default
	TLSCert  string        // --tls-cert, a file; empty: none
	TLSKey   string        // --tls-key, its key
	Proxies  []string      // --trusted-proxies, in the form of http.Config.TrustedProxies
	Drain    time.Duration // --drain: how long running invocations may go on after the first signal
	Logger   *slog.Logger
	Rejected func(context.Context, http.Rejection) // what http.Config.Rejected is to be; nil: nothing
	Apart    bool                                  // each workload has an address of its own, of those in Listen, whose ports are 0
}

// Listener is an optional interface of triggers that accept connections. `up` calls Listen before anything slow, since a bad
// address is the likeliest mistake, and prints Endpoints, URLs, when the workload is ready.
type Listener interface {
	Listen() error
	Endpoints() []string
}

// Standard returns vitrine's own plugins and triggers, the plugins new with each call.
func Standard() Ships {
	brokers := messaging.New(msgmemory.New(0)).AddType(msgnats.Type(), func(_ context.Context, config any) (messaging.Backend, error) {
		return msgnats.Open(config.(msgnats.Config))
	}).AddType(msgredis.Type(), func(_ context.Context, config any) (messaging.Backend, error) {
		return msgredis.Open(config.(msgredis.Config))
	}).AddType(msgmqtt.Type(), func(_ context.Context, config any) (messaging.Backend, error) {
		return msgmqtt.Open(config.(msgmqtt.Config))
	})
	return Ships{
		Plugins: []host.Plugin{
			config.Plugin{},
			secrets.Plugin{},
			logging.Plugin{},
			otel.Plugin{},
			keyvalue.New(kvmemory.New(0)).AddType(kvsqlite.Type(), func(ctx context.Context, config any) (keyvalue.Backend, error) {
				return kvsqlite.Open(ctx, config.(kvsqlite.Config))
			}).AddType(kvredis.Type(), func(_ context.Context, config any) (keyvalue.Backend, error) {
				return kvredis.New(config.(kvredis.Config))
			}).AddType(kvnats.Type(), func(_ context.Context, config any) (keyvalue.Backend, error) {
				return kvnats.Open(config.(kvnats.Config))
			}),
			blobstore.New(blobmemory.New(0)).AddType(blobfolder.Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
				return blobfolder.Open(config.(blobfolder.Config))
			}).AddType(blobs3.Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
				return blobs3.New(config.(blobs3.Config))
			}).AddType(blobnats.Type(), func(_ context.Context, config any) (blobstore.Backend, error) {
				return blobnats.Open(config.(blobnats.Config))
			}),
			sqlite.New(sqlitelocal.NewMemory(0)).AddType(sqlitelocal.Type(), func(ctx context.Context, config any) (sqlite.Backend, error) {
				return sqlitelocal.OpenFile(ctx, config.(sqlitelocal.Config))
			}),
			postgres.New().AddType(pgx.Type(), func(_ context.Context, config any) (postgres.Backend, error) {
				return pgx.New(config.(pgx.Config))
			}),
			brokers,
			redis.New().AddType(redisserver.Type(), func(_ context.Context, config any) (redis.Backend, error) {
				return redisserver.New(config.(redisserver.Config))
			}),
			mqtt.New().AddType(mqttserver.Type(), func(_ context.Context, config any) (mqtt.Backend, error) {
				return mqttserver.New(config.(mqttserver.Config))
			}),
		},
		Triggers: []Trigger{
			{Type: http.Type(), New: newHTTP},
			{Type: timer.Type(), New: func(c TriggerConfig) (host.Trigger, error) {
				return timer.New(timer.Config{Grace: c.Drain, Logger: c.Logger}), nil
			}},
			{Type: messages.Type(), New: func(c TriggerConfig) (host.Trigger, error) {
				return messages.New(messages.Config{Plugin: brokers, Grace: c.Drain, Logger: c.Logger}), nil
			}},
			{Type: channels.Type(), New: func(c TriggerConfig) (host.Trigger, error) {
				return channels.New(channels.Config{Grace: c.Drain, Logger: c.Logger}), nil
			}},
			{Type: topics.Type(), New: func(c TriggerConfig) (host.Trigger, error) {
				return topics.New(topics.Config{Grace: c.Drain, Logger: c.Logger}), nil
			}},
		},
	}
}

func newHTTP(c TriggerConfig) (host.Trigger, error) {
	config := http.Config{Listen: "127.0.0.1:3000", Grace: c.Drain, Logger: c.Logger, Certificate: http.CertificateFiles{Cert: c.TLSCert, Key: c.TLSKey}, TrustedProxies: c.Proxies, Rejected: c.Rejected}
	if len(c.Listen) > 0 {
		config.Listen, config.Also = c.Listen[0], c.Listen[1:]
	}
	for _, c := range c.Workload.Components {
		config.MaxHeader = max(config.MaxHeader, int(c.Limits.Filled().Headers))
	}
	if c.Apart {
		if len(c.Listen) == 0 {
			config.Listen = "127.0.0.1:0"
		}
		return http.NewApart(config), nil
	}
	return http.New(config), nil
}

// format is the manifest's format with the program's triggers and backends.
func (s *Ships) format() *app.Format {
	f := &app.Format{Image: func(reference string) error {
		_, err := artifact.ParseReference(reference)
		return err
	}}
	for _, t := range s.Triggers {
		f.Triggers = append(f.Triggers, t.Type)
	}
	f.Stores = map[string]app.Stores{}
	for _, p := range s.Plugins {
		var stores app.Stores
		if b, ok := p.(interface{ Backends() []string }); ok {
			stores.Backends = b.Backends()
		}
		if b, ok := p.(interface{ BackendTypes() []workload.BackendType }); ok {
			stores.Types = b.BackendTypes()
		}
		f.Stores[p.Name()] = stores
	}
	return f
}

// triggers makes the triggers that the workload names.
func (s *Ships) triggers(c TriggerConfig) ([]host.Trigger, error) {
	var made []host.Trigger
	for _, t := range s.Triggers {
		if t.New == nil || !slices.ContainsFunc(c.Workload.Triggers, func(w workload.TriggerSpec) bool { return w.Type == t.Type.Name }) {
			continue
		}
		trigger, err := t.New(c)
		if err != nil {
			return made, fmt.Errorf("trigger %s: %w", t.Type.Name, err)
		}
		made = append(made, trigger)
	}
	return made, nil
}

// plugins returns the program's plugins and WASI. streams are guests' standard streams.
func (p *process) plugins(streams hostwasi.Config) []host.Plugin {
	return append([]host.Plugin{hostwasi.New(streams)}, p.ships.Plugins...)
}
