package redis_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/redis"
	"github.com/vitrine-wasm/vitrine/plugin/redis/server"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// table is of the packages that the plugin serves, each of which is tested on a database of its own at an address.
func table(address string) *functions.Table {
	test := func(database int) func(*functions.Guest) {
		return func(g *functions.Guest) { testConnection(g, fmt.Sprintf("%s/%d", address, database)) }
	}
	return &functions.Table{
		Plugin: "plugin/redis", Title: "The functions for Redis and their tests", On: "on a real server",
		Note: "\nHandlers of messages are the business of `trigger/redis`.",
		Served: []functions.Served{
			{Of: surface.SpinRedis2, Reference: "fermyon-spin@2.0.0", Only: []string{"redis"}, Test: test(0)},
			{Of: surface.SpinRedis3, Reference: "spin-redis@3.0.0", Test: test(1)},
		},
		Also: []string{"fermyon:spin/redis-types"},
	}
}

// plugin is one with the backend of programs.
func plugin() *redis.Plugin {
	return redis.New().AddType(server.Type(), func(_ context.Context, config any) (redis.Backend, error) {
		return server.New(config.(server.Config))
	})
}

// link is the plugin under some grants.
func link(grants map[string]workload.StoreGrant, told *functions.Lines) functions.Link {
	return functions.Plugin(plugin(), workload.Component{Grants: workload.Grants{Redis: grants}}, told)
}

func text(s string) cm.Variant { return cm.Variant{Case: "binary", Value: []byte(s)} }

func number(n int64) cm.Variant { return cm.Variant{Case: "int64", Value: n} }

// TestFunctions calls every function of both interfaces through the boundary of a component, on a real server, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	address := "redis://" + servers.StartRedis(t).Addr
	tb := table(address)
	tb.Run(t, "", functions.Engine(t), link(map[string]workload.StoreGrant{
		address: {Type: "redis", Config: server.Config{URL: address}},
		"down":  {Type: "redis", Config: server.Config{URL: "redis://127.0.0.1:1"}},
	}, &functions.Lines{}))
	tb.Compare(t, nil)
}

func testConnection(g *functions.Guest, address string) {
	g.Call("invalid-address", "redis#[static]connection.open", "no address")
	g.Call("invalid-address", "redis#[static]connection.open", "redis://127.0.0.1:2")
	c := g.Call("ok", "redis#[static]connection.open", address)
	down := g.Call("ok", "redis#[static]connection.open", "down")

	g.Want(g.Call("ok", "redis#[method]connection.get", c, "k"), "none")
	g.Call("ok", "redis#[method]connection.set", c, "k", []byte{0, 255, 'x'})
	g.Want(g.Call("ok", "redis#[method]connection.get", c, "k"), `"\x00\xffx"`)
	g.Call("ok", "redis#[method]connection.set", c, "k", []byte{})
	g.Want(g.Call("ok", "redis#[method]connection.get", c, "k"), `""`)
	g.Want(g.Call("ok", "redis#[method]connection.incr", c, "n"), "1")
	g.Want(g.Call("ok", "redis#[method]connection.incr", c, "n"), "2")
	g.Call("type-error", "redis#[method]connection.incr", c, "k")
	g.Call("ok", "redis#[method]connection.set", c, "max", []byte("9223372036854775807"))
	g.Call("type-error", "redis#[method]connection.incr", c, "max")
	g.Want(g.Call("ok", "redis#[method]connection.sadd", c, "s", []string{"a", "b", "a"}), "2")
	g.Want(g.Call("ok", "redis#[method]connection.sadd", c, "s", []string{"b", "c"}), "1")
	g.Want(g.Call("ok", "redis#[method]connection.sadd", c, "s", []string{}), "0")
	members := g.Call("ok", "redis#[method]connection.smembers", c, "s").([]string)
	slices.Sort(members)
	g.Want(members, "[a b c]")
	g.Want(g.Call("ok", "redis#[method]connection.smembers", c, "nothing"), "[]")
	g.Call("type-error", "redis#[method]connection.smembers", c, "n")
	g.Call("type-error", "redis#[method]connection.get", c, "s")
	g.Call("type-error", "redis#[method]connection.sadd", c, "n", []string{"a"})
	g.Call("type-error", "redis#[method]connection.srem", c, "n", []string{"a"})
	g.Want(g.Call("ok", "redis#[method]connection.srem", c, "s", []string{"a", "x"}), "1")
	g.Want(g.Call("ok", "redis#[method]connection.srem", c, "s", []string{}), "0")
	g.Want(g.Call("ok", "redis#[method]connection.del", c, []string{"k", "x", "max"}), "2")
	g.Want(g.Call("ok", "redis#[method]connection.del", c, []string{}), "0")
	g.Call("ok", "redis#[method]connection.publish", c, "channel", []byte("x"))
	execute(g, c)

	for function, args := range map[string][]any{
		"publish": {"c", []byte("x")}, "get": {"k"}, "set": {"k", []byte("x")}, "incr": {"k"}, "del": {[]string{"k"}}, "sadd": {"k", []string{"x"}},
		"smembers": {"k"}, "srem": {"k", []string{"x"}}, "execute": {"PING", []any{}},
	} {
		g.Want(g.Call("other", "redis#[method]connection."+function, append([]any{down}, args...)...), "the server cannot be reached")
	}
	g.Call("ok", "redis#drop of connection", c)
	g.Call("ok", "redis#drop of connection", down)
}

// execute: commands with each type of answer, those that are refused, and those that fail.
func execute(g *functions.Guest, c any) {
	run := func(want, command string, args ...any) any {
		g.T.Helper()
		if args == nil {
			args = []any{}
		}
		return g.Call(want, "redis#[method]connection.execute", c, command, args)
	}
	g.Want(run("ok", "PING"), "[status(PONG)]")
	g.Want(run("ok", "set", text("e"), number(-5)), "[status(OK)]")
	g.Want(run("ok", "GET", text("e")), `[binary("-5")]`)
	g.Want(run("ok", "GET", text("none")), "[nil]")
	g.Want(run("ok", "INCRBY", text("e"), number(7)), "[int64(2)]")
	g.Want(run("ok", "RPUSH", text("l"), text("a"), text("\xff"), text("")), "[int64(3)]")
	g.Want(run("ok", "LRANGE", text("l"), number(0), number(-1)), `[binary("a") binary("\xff") binary("")]`)
	g.Want(run("ok", "LRANGE", text("nothing"), number(0), number(-1)), "[]")
	g.Want(run("ok", "MGET", text("e"), text("none")), `[binary("2") nil]`)
	g.Want(run("ok", "EVAL", text("return {1,{'a',{2}},{},redis.status_reply('fine')}"), number(0)), `[int64(1) binary("a") int64(2) status(fine)]`)
	g.Want(run("ok", "XREAD", text("STREAMS"), text("block"), text("0")), "[nil]")
	g.Call("type-error", "redis#[method]connection.execute", c, "LPUSH", []any{text("e"), text("x")})
	for command, want := range map[string]string{
		"NOSUCH": "ERR unknown command", "GET": "ERR wrong number of arguments", "BLPOP": "the command BLPOP is refused: it waits", "select": "SELECT is refused: it changes the connection",
		"CONFIG": "CONFIG is refused: it administers the server", "": "the command is refused: it has no name", "GET x": "the command is refused", " AUTH": "refused", "AUTH\n": "refused",
		"subscribe": "refused", "MULTI": "refused", "SHUTDOWN": "refused", "Client": "refused",
	} {
		if had := fmt.Sprint(run("other", command)); !strings.Contains(had, want) {
			g.T.Errorf("%q: %s, wanted %s", command, had, want)
		}
	}
	g.Want(run("other", "xread", text("Block"), number(0), text("STREAMS"), text("s"), text("$")),
		"the command XREAD with BLOCK is refused: it waits in the server, and keeps a connection; ask again instead")
	g.Want(run("ok", "PING"), "[status(PONG)]") // the connection is as it was
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) { table("").Reference(t, plugin().Serves()) }

// TestGrants: a component reaches the servers that its grants name, by their names or addresses, with its own login where the grant has none; for others it gets
// invalid-address, and operators a line that has no login.
func TestGrants(t *testing.T) {
	s := servers.StartRedis(t, "--requirepass", "planted-password", "--user", "ada", "on", ">planted-ada", "~ada*", "+@all")
	t.Setenv("REDIS_PASSWORD", "planted-password")
	url := "redis://" + s.Addr
	granted := server.Config{URL: url, Password: workload.Secret{Env: "REDIS_PASSWORD"}}
	engine := functions.Engine(t)
	for _, c := range []struct {
		address string
		grants  map[string]workload.StoreGrant
		want    string // the outcome of open, and of set where that is ok
		line    string
	}{
		{url, nil, "invalid-address", `add "` + url + `": {redis: URL} to grants.redis of component c`},
		{"redis://ada:planted-ada@other", nil, "invalid-address", `add "redis://other:6379": {redis: URL}`},
		{"planted-name", nil, "invalid-address", `add NAME: {redis: URL}`},
		{"redis://ada:planted@@[/", nil, "invalid-address", `add NAME: {redis: URL}`},
		{url + "?protocol=3", map[string]workload.StoreGrant{url: {Type: "redis", Config: granted}}, "invalid-address", ""},
		{"rediss://" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: granted}}, "invalid-address", "rediss://"},
		{"cache", map[string]workload.StoreGrant{"cache": {Type: "redis", Config: granted}}, "ok", ""},
		{"redis://cache:1/3", map[string]workload.StoreGrant{"redis://cache:1": {Type: "redis", Config: granted}}, "ok", ""},
		{"redis://CACHE:1/3", map[string]workload.StoreGrant{"redis://cache:1/3": {Type: "redis", Config: granted}}, "ok", ""},
		{"redis://cache:1", map[string]workload.StoreGrant{"redis://cache:1/3": {Type: "redis", Config: granted}}, "invalid-address", ""},
		{url, map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: url}}}, "other", ""},
		{"redis://ada:planted-ada@" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: url}}}, "ok", ""},
		{"redis://ada:planted-wrong@" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: url}}}, "other", ""},
		{"redis://ada:planted-wrong@" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: granted}}, "ok", ""},
	} {
		t.Run(c.address, func(t *testing.T) {
			told := &functions.Lines{}
			g := table("").Guest(t, engine, surface.SpinRedis2, link(c.grants, told))
			if c.want == "invalid-address" {
				g.Call(c.want, "redis#[static]connection.open", c.address)
			} else {
				conn := g.Call("ok", "redis#[static]connection.open", c.address)
				v := g.Call(c.want, "redis#[method]connection.set", conn, "ada-key", []byte("x"))
				if strings.Contains(fmt.Sprint(v), "planted") {
					t.Error(v)
				}
			}
			all := strings.Join(told.All(), "\n")
			if !strings.Contains(all, c.line) || strings.Contains(all, "planted") || (c.want == "invalid-address") != (len(told.All()) == 1) {
				t.Errorf("operators are told %s", all)
			}
		})
	}
}

// TestDatabases: the database is that of the address, unless the grant's URL has one.
func TestDatabases(t *testing.T) {
	s := servers.StartRedis(t)
	engine := functions.Engine(t)
	url := "redis://" + s.Addr
	for _, c := range []struct {
		grant string
		want  int
	}{{url, 3}, {url + "/", 3}, {url + "/0", 0}, {url + "/5", 5}} {
		g := table("").Guest(t, engine, surface.SpinRedis2, link(map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: c.grant}}}, &functions.Lines{}))
		conn := g.Call("ok", "redis#[static]connection.open", url+"/3")
		key := "of " + c.grant
		g.Call("ok", "redis#[method]connection.set", conn, key, []byte("x"))
		client := goredis.NewClient(&goredis.Options{Addr: s.Addr, DB: c.want})
		if n, err := client.Exists(t.Context(), key).Result(); err != nil || n != 1 {
			t.Errorf("%s: not in database %d, %v", c.grant, c.want, err)
		}
		_ = client.Close()
	}
}

// TestNames: names of grants that are addresses with a user, or no addresses of Redis, are refused.
func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"cache": true, "redis://a": true, "redis://a:1/3": true, "rediss://[::1]:6379": true, "redis://ada@a": false, "redis://ada:planted@a": false, "http://a": false, "redis://": false,
		"redis://a:0": false, "redis://a:70000": false, "redis://a/x": false, "redis://a/-1": false, "redis://a/1/2": false,
	} {
		if err := redis.CheckName(name); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
