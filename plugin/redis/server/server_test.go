package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/redis"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func free(int) error { return nil }

func open(t *testing.T, c Config) *Backend {
	t.Helper()
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func dial(t *testing.T, b *Backend, as redis.Login) redis.Client {
	t.Helper()
	c, err := b.Open(as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestDown: while the server is down, a call fails within seconds and says so; when it is there again, calls go on by themselves, and what was
// acknowledged is there.
func TestDown(t *testing.T) {
	s := servers.StartRedis(t)
	c := dial(t, open(t, Config{URL: "redis://" + s.Addr}), redis.Login{})
	set := func(i int) error {
		_, err := c.Do(t.Context(), free, "SADD", "kept", int64(i))
		return err
	}
	acknowledged := 0
	for ; acknowledged < 100; acknowledged++ {
		if err := set(acknowledged); err != nil {
			t.Fatal(err)
		}
	}
	s.Kill()
	for range 3 {
		if err := set(-1); !errors.Is(err, redis.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
	s.Start()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		n, err := c.Do(t.Context(), free, "SCARD", "kept")
		if err != nil && time.Now().Before(deadline) {
			continue
		}
		if err != nil || n != int64(acknowledged) {
			t.Errorf("%v of %d, %v", n, acknowledged, err)
		}
		return
	}
}

// TestLogins: logins have connections of their own, whose number is bounded; one that nobody uses makes room for another.
func TestLogins(t *testing.T) {
	s := servers.StartRedis(t)
	b := open(t, Config{URL: "redis://" + s.Addr})
	var all []redis.Client
	for i := range maxLogins {
		all = append(all, dial(t, b, redis.Login{Database: i}))
	}
	if _, err := b.Open(redis.Login{Database: maxLogins}); !errors.Is(err, redis.ErrConnections) {
		t.Errorf("%v", err)
	}
	dial(t, b, redis.Login{Database: 3}).Close() // one that is there already
	all[5].Close()
	all[5].Close()
	dial(t, b, redis.Login{Database: maxLogins})
	if _, err := b.Open(redis.Login{Database: 5}); !errors.Is(err, redis.ErrConnections) {
		t.Errorf("%v", err)
	}
	for i, c := range []redis.Client{all[0], all[7]} {
		if v, err := c.Do(t.Context(), free, "SET", "k", int64(i)); err != nil || v != redis.Status("OK") {
			t.Errorf("%v, %v", v, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := all[0].Do(t.Context(), free, "PING"); err == nil {
		t.Error("a closed backend answers")
	}
	if _, err := b.Open(redis.Login{}); err == nil {
		t.Error("a closed backend opens")
	}
}

// TestMany: more calls at once than there are connections wait for one.
func TestMany(t *testing.T) {
	s := servers.StartRedis(t)
	c := dial(t, open(t, Config{URL: "redis://" + s.Addr}), redis.Login{})
	var all sync.WaitGroup
	for range 4 * maxConns {
		all.Go(func() {
			if _, err := c.Do(t.Context(), free, "INCR", "n"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if v, err := c.Do(t.Context(), free, "GET", "n"); err != nil || string(v.([]byte)) != fmt.Sprint(4*maxConns) {
		t.Errorf("%v, %v", v, err)
	}
	info, err := c.Do(t.Context(), free, "INFO", "clients")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(info.([]byte))) {
		var n int
		if _, err := fmt.Sscanf(line, "connected_clients:%d", &n); err == nil && n > maxConns {
			t.Errorf("%d connections", n)
		}
	}
}

// TestBounds: an answer that the guest's memory has no room for, or that is larger than MaxReply, is an error, and so is a context that has ended;
// the next command works.
func TestBounds(t *testing.T) {
	s := servers.StartRedis(t)
	c := dial(t, open(t, Config{URL: "redis://" + s.Addr}), redis.Login{})
	big := make([]byte, 8<<20)
	for range redis.MaxReply/len(big) + 1 {
		if _, err := c.Do(t.Context(), free, "APPEND", "big", big); err != nil {
			t.Fatal(err)
		}
	}
	full := errors.New("there is no room")
	if _, err := c.Do(t.Context(), func(int) error { return full }, "PING"); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	few := func(n int) error {
		if n > 1000 {
			return full
		}
		return nil
	}
	if _, err := c.Do(t.Context(), few, "EVAL", "local t = {} for i = 1, 200 do t[i] = 1 end return t", int64(0)); !errors.Is(err, full) {
		t.Errorf("elements cost nothing: %v", err)
	}
	held := 0
	if _, err := c.Do(t.Context(), func(n int) error { held += n; return nil }, "GET", "big"); !errors.Is(err, redis.ErrTooLarge) || held > 2*redis.MaxReply+1000 {
		t.Errorf("%v, %d bytes", err, held)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, free, "PING"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if v, err := c.Do(t.Context(), free, "GETRANGE", "big", int64(0), int64(3)); err != nil || len(v.([]byte)) != 4 {
		t.Errorf("%v, %v", v, err)
	}
}

// TestParse: answers, and what is none.
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"+OK\r\n": "server.Status", "$-1\r\n": "<nil>", "*-1\r\n": "<nil>", "*0\r\n": "[]", "$0\r\n\r\n": "[]", ":-3\r\n": "-3", "*2\r\n$1\r\na\r\n*1\r\n:1\r\n": "[[97] [1]]",
		"-ERR no planted\r\n": "the server says ERR",
		"":                    "error", "$5\r\nab\r\n": "error", "*3\r\n": "error", "*99999999999999999999\r\n": "error", "*1000000000\r\n:1\r\n": "error", "$-2\r\n": "error", "%1\r\n": "error",
		":x\r\n": "error", "$1\r\nabc": "error", "+OK": "error", "\r\n": "error", strings.Repeat("*1\r\n", 100) + ":1\r\n": "error",
	} {
		v, _, err := parse([]byte(text), 0)
		if got := fmt.Sprint(v); (err != nil) != (want == "error") || err == nil && want != got && want != "server.Status" {
			t.Errorf("%q: %s, %v; wanted %s", text, got, err, want)
		}
	}
}

// FuzzParse: no bytes panic, or make a value that is much larger than they are.
func FuzzParse(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\na\r\n*1\r\n:1\r\n"))
	f.Add([]byte("-ERR\r\n+OK\r\n$-1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := parse(b, 0)
		if err == nil && (len(rest) >= len(b) || size(v) > len(b)) {
			t.Errorf("%v, %d bytes are left", v, len(rest))
		}
	})
}

func size(v any) int {
	list, ok := v.([]any)
	if !ok {
		return 1
	}
	n := 1
	for _, v := range list {
		n += size(v)
	}
	return n
}

func TestSecrets(t *testing.T) {
	if _, err := New(Config{URL: "redis://a", Password: workload.Secret{Env: "NOT_SET_ANYWHERE"}}); err == nil || !strings.Contains(err.Error(), "NOT_SET_ANYWHERE is not set") {
		t.Errorf("%v", err)
	}
	if _, problem := check(Config{URL: "redis://me:planted@a"}); problem == "" || strings.Contains(problem, "planted") {
		t.Error(problem)
	}
}
