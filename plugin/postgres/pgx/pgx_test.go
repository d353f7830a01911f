package pgx_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/postgres"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/pgx"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/postgrestest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) {
	code := m.Run()
	servers.StopShared()
	os.Exit(code)
}

// secret is the file of a password.
func secret(t *testing.T, text string) workload.Secret {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return workload.Secret{File: file}
}

func open(t *testing.T, c pgx.Config) *pgx.Backend {
	t.Helper()
	b, err := pgx.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// TestContract runs the contract on a real server.
func TestContract(t *testing.T) {
	server := servers.SharedPostgres(t)
	postgrestest.Run(t, func(t *testing.T, most int, timeout time.Duration) postgres.Backend {
		c := pgx.Config{URL: server.URL(server.Database(t)), Password: secret(t, server.Password), Connections: most}
		if timeout != 0 {
			c.Timeout = timeout.String()
		}
		return open(t, c)
	})
}

// TestLogin: what the grant says counts, and the guest's login where the grant says nothing; nothing comes from the environment.
func TestLogin(t *testing.T) {
	server := servers.SharedPostgres(t)
	db := server.Database(t)
	server.SQL(t, db, "CREATE USER guest PASSWORD 'planted-guest'; GRANT ALL ON DATABASE "+db+" TO guest")
	for name, v := range map[string]string{"PGHOST": "127.0.0.9", "PGPORT": "1", "PGUSER": "postgres", "PGPASSWORD": server.Password, "PGDATABASE": "none", "PGSSLMODE": "verify-full", "PGOPTIONS": "-c search_path=x"} {
		t.Setenv(name, v)
	}
	place := "postgres://" + server.Addr
	for _, c := range []struct {
		name   string
		config pgx.Config
		login  postgres.Login
		want   string // user and database, or the SQLSTATE
	}{
		{"the grant's", pgx.Config{URL: server.URL(db), Password: secret(t, server.Password)}, postgres.Login{}, "postgres|" + db},
		{"the grant's counts", pgx.Config{URL: server.URL(db), Password: secret(t, server.Password)}, postgres.Login{User: "guest", Password: "x", Database: "y"}, "postgres|" + db},
		{"the guest's", pgx.Config{URL: place}, postgres.Login{User: "guest", Password: "planted-guest", Database: db}, "guest|" + db},
		{"the guest's, the grant's database", pgx.Config{URL: place + "/" + db}, postgres.Login{User: "guest", Password: "planted-guest", Database: "none"}, "guest|" + db},
		{"wrong", pgx.Config{URL: place}, postgres.Login{User: "guest", Password: "planted-wrong", Database: db}, "28P01"},
		{"without", pgx.Config{URL: place}, postgres.Login{User: "guest", Database: db}, "28P01"},
		{"nobody", pgx.Config{URL: place}, postgres.Login{Database: db}, ""},
		{"no such database", pgx.Config{URL: place}, postgres.Login{User: "guest", Password: "planted-guest", Database: "none"}, "3D000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := open(t, c.config).Open(t.Context(), c.login)
			if err == nil {
				defer conn.Close()
				postgrestest.Query(t, conn, c.want, "SELECT current_user, current_database()")
				return
			}
			var s *postgres.ServerError
			if errors.As(err, &s) && s.Code != c.want || c.want != "" && s == nil || !errors.Is(err, postgres.ErrUnavailable) {
				t.Errorf("%v; wanted %s", err, c.want)
			}
			if strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "guest") {
				t.Errorf("the login is in %v", err)
			}
		})
	}
}

// TestKilled: a server that is killed gives errors at once and does not answer to a ping, and the connections of the one that comes back are good.
func TestKilled(t *testing.T) {
	server := servers.StartPostgres(t)
	db := server.Database(t)
	b := open(t, pgx.Config{URL: server.URL(db), Password: secret(t, server.Password)})
	idle := postgrestest.Connect(t, b)
	postgrestest.Query(t, idle, "", "CREATE TABLE t (i int)")
	c := postgrestest.Connect(t, b)
	running := make(chan error)
	go func() {
		_, err := postgrestest.Try(t.Context(), c, "SELECT pg_sleep(1000)")
		running <- err
	}()
	for server.SQL(t, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)' AND state = 'active' AND pid <> pg_backend_pid()") != "1" {
		time.Sleep(10 * time.Millisecond)
	}
	ping := func(there bool) {
		t.Helper()
		for name, b := range map[string]*pgx.Backend{"with a login": b, "without": open(t, pgx.Config{URL: "postgres://" + server.Addr})} {
			if err := b.Ping(t.Context()); (backend.DownReason(err) == "") != there {
				t.Errorf("%s: down by %q, is there: %v: %v", name, backend.DownReason(err), there, err)
			}
		}
	}
	ping(true)
	server.Kill()
	ping(false)
	if err := <-running; !errors.Is(err, postgres.ErrUnavailable) || c.State() != postgres.Lost {
		t.Error(err, c.State())
	}
	if _, err := postgrestest.Try(t.Context(), idle, "INSERT INTO t VALUES (1)"); !errors.Is(err, postgres.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := b.Open(t.Context(), postgres.Login{}); !errors.Is(err, postgres.ErrUnavailable) {
		t.Error(err)
	}
	server.Start(t)
	ping(true)
	postgrestest.Query(t, postgrestest.Connect(t, b), "0", "SELECT count(*) FROM t")
}

// TestSilent: a server that takes connections, and says nothing, costs a bounded time.
func TestSilent(t *testing.T) {
	l := servers.Silent(t)
	b := open(t, pgx.Config{URL: "postgres://u@" + l + "/d"})
	if _, err := b.Open(t.Context(), postgres.Login{}); !errors.Is(err, postgres.ErrUnavailable) || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
}

// TestCheck: mistakes in grants are found, and no message has what may be a password.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		config    pgx.Config
		key, want string
	}{
		{pgx.Config{URL: "postgres://a@h:1/d?sslmode=require"}, "", ""},
		{pgx.Config{URL: "host=h user=a dbname=d"}, "", ""},
		{pgx.Config{URL: "postgres:///d?host=/run/postgresql&user=a"}, "", ""},
		{pgx.Config{URL: "postgres://[::1]/d"}, "", ""},
		{pgx.Config{URL: "postgres://a:planted@h"}, "url", "has a password; leave it out"},
		{pgx.Config{URL: "postgres://a:pla%nted@h"}, "url", "no URL"},
		{pgx.Config{URL: "mysql://planted@h"}, "url", "want postgres://"},
		{pgx.Config{URL: "planted"}, "url", "want an address"},
		{pgx.Config{URL: "postgres:///planted"}, "url", "no host"},
		{pgx.Config{URL: "postgres://h:0"}, "url", "wrong port"},
		{pgx.Config{URL: "postgres://h:99999"}, "url", "wrong port"},
		{pgx.Config{URL: "postgres://h?sslmode=planted"}, "url", "wrong sslmode"},
		{pgx.Config{URL: "postgres://h?options=-c%20planted"}, "url", "not known here"},
		{pgx.Config{URL: "postgres://h/d%00user%00planted"}, "url", "control characters"},
		{pgx.Config{URL: "host=a,planted"}, "url", "several hosts"},
		{pgx.Config{URL: "host='planted"}, "url", "want an address"},
		{pgx.Config{URL: "postgres://h", Password: workload.Secret{Env: "X"}}, "url", "no user"},
		{pgx.Config{URL: "postgres://h", Timeout: "soon"}, "timeout", "want a duration"},
		{pgx.Config{URL: "postgres://h", Connections: -1}, "connections", "want a number"},
	} {
		key, problem := pgx.Type().Check(c.config)
		if key != c.key || !strings.Contains(problem, c.want) || c.want == "" && problem != "" || strings.Contains(problem, "planted") {
			t.Errorf("%+v: %s: %s; wanted %s: %s", c.config, key, problem, c.key, c.want)
		}
	}
}
