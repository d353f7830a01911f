// Package sqlitetest is the contract of sqlite's backends, as tests.
package sqlitetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
)

var owner = sqlite.Owner{Namespace: "n", Workload: "w", Component: "c"}

// Run tests a backend; open makes a new one without data.
func Run(t *testing.T, open func(t *testing.T) sqlite.Backend) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, sqlite.Backend)
	}{
		{"Values", values}, {"Statements", statements}, {"Errors", statementErrors}, {"Refused", refused}, {"Left", left}, {"Rollback", rollback}, {"Concurrent", concurrent},
		{"Cancelled", cancelled}, {"Bounded", bounded}, {"ManyConnections", manyConnections},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, open(t)) })
	}
}

// Connect opens a connection of the test.
func Connect(t *testing.T, b sqlite.Backend) sqlite.Conn {
	t.Helper()
	c, err := b.Open(t.Context(), owner, "default")
	if err != nil {
		t.Fatal(err)
	}
	once := &closeOnce{Conn: c}
	t.Cleanup(func() { _ = once.Close() })
	return once
}

// closeOnce is a connection whose test may close it before its end.
type closeOnce struct {
	sqlite.Conn
	closed bool
}

func (c *closeOnce) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return c.Conn.Close()
}

func unbounded(int) error { return nil }

// Query runs a statement that must succeed.
func Query(t *testing.T, c sqlite.Conn, statement string, args ...sqlite.Value) sqlite.Result {
	t.Helper()
	r, err := c.Query(t.Context(), statement, args, unbounded)
	if err != nil {
		t.Fatalf("%s: %v", statement, text(err))
	}
	return r
}

// text is what the guest gets.
func text(err error) string {
	var s *sqlite.StatementError
	if errors.As(err, &s) {
		return s.Text
	}
	return fmt.Sprint(err)
}

func want(t *testing.T, got sqlite.Result, columns string, rows ...[]sqlite.Value) {
	t.Helper()
	if strings.Join(got.Columns, " ") != columns || len(got.Rows) != len(rows) || len(rows) > 0 && !reflect.DeepEqual(got.Rows, rows) {
		t.Errorf("got  %q %#v\nwant %q %#v", got.Columns, got.Rows, columns, rows)
	}
}

type row = []sqlite.Value

// values: each value comes back as it was stored, whatever the column's declared type.
func values(t *testing.T, b sqlite.Backend) {
	c := Connect(t, b)
	want(t, Query(t, c, "CREATE TABLE t (v, d DATETIME, b BOOLEAN)"), "")
	in := row{int64(math.MinInt64), int64(math.MaxInt64), 1.5, math.Inf(1), "", "text \x00 with zero", "2020-01-02 03:04:05", []byte{}, []byte{0, 255}, nil}
	for _, v := range in {
		Query(t, c, "INSERT INTO t VALUES (?1, ?1, ?1)", v)
	}
	var rows []row
	for _, v := range in {
		rows = append(rows, row{v})
	}
	want(t, Query(t, c, "SELECT v FROM t ORDER BY rowid"), "v", rows...)
	want(t, Query(t, c, "SELECT d, b FROM t WHERE rowid = 7"), "d b", row{"2020-01-02 03:04:05", "2020-01-02 03:04:05"})
	want(t, Query(t, c, "SELECT typeof(v) FROM t WHERE rowid IN (8, 10)"), "typeof(v)", row{"blob"}, row{"null"})
	want(t, Query(t, c, "SELECT CAST(x'ff' AS TEXT) AS bad"), "bad", row{"\uFFFD"}) // guests have no other texts
	want(t, Query(t, c, "SELECT 1 AS a, 2 AS a"), "a a", row{int64(1), int64(2)})
}

// statements: several in one text, row ids, counts of changes.
func statements(t *testing.T, b sqlite.Backend) {
	c := Connect(t, b)
	want(t, Query(t, c, ""), "")
	want(t, Query(t, c, " -- nothing"), "")
	Query(t, c, "CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (7, 'x'); -- the end")
	if c.LastInsertID() != 7 || c.Changes() != 1 {
		t.Error(c.LastInsertID(), c.Changes())
	}
	want(t, Query(t, c, "INSERT INTO t (b) VALUES (?), (?) RETURNING a;", "y", "z"), "a", row{int64(8)}, row{int64(9)})
	if c.LastInsertID() != 9 || c.Changes() != 2 {
		t.Error(c.LastInsertID(), c.Changes())
	}
	want(t, Query(t, c, "SELECT b FROM t WHERE a = 7; SELECT b FROM t WHERE a = ?", int64(8)), "b", row{"y"})
	Query(t, c, "UPDATE t SET b = 0")
	if c.Changes() != 3 {
		t.Error(c.Changes())
	}
	want(t, Query(t, Connect(t, b), "SELECT count(*) FROM t /* by another connection */"), "count(*)", row{int64(3)})
	want(t, Query(t, c, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT sum(i) AS s FROM n"), "s", row{int64(500500)})
	want(t, Query(t, c, "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('some words'); SELECT x FROM f WHERE f MATCH 'words'"), "x", row{"some words"})
	want(t, Query(t, c, "SELECT json_extract('{\"a\":5}', '$.a') AS a"), "a", row{int64(5)})
}

// statementErrors: the guest gets SQLite's words, and an error's own text has nothing of the statement.
func statementErrors(t *testing.T, b sqlite.Backend) {
	c := Connect(t, b)
	Query(t, c, "CREATE TABLE t (a UNIQUE NOT NULL CHECK (a <> 'hunter1'))")
	Query(t, c, "INSERT INTO t VALUES ('hunter2')")
	for statement, guest := range map[string]string{
		"SELEKT 'hunter2'":                 "near \"SELEKT\": syntax error",
		"SELECT hunter2":                   "no such column: hunter2",
		"SELECT * FROM hunter2":            "no such table: hunter2",
		"INSERT INTO t VALUES ('hunter2')": "UNIQUE constraint failed: t.a",
		"INSERT INTO t VALUES (NULL)":      "NOT NULL constraint failed: t.a",
		"INSERT INTO t VALUES ('hunter1')": "CHECK constraint failed",
		"SELECT ?":                         "1 parameters, and there are 0 values",
		"SELECT 'hunter2":                  "unrecognized token",
		"COMMIT":                           "no transaction is active",
		"SELECT abs(-9223372036854775808)": "integer overflow",
		"SELECT json('hunter2')":           "malformed JSON",
	} {
		_, err := c.Query(t.Context(), statement, nil, unbounded)
		var s *sqlite.StatementError
		if !errors.As(err, &s) || !strings.Contains(s.Text, guest) || strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "SELEKT") {
			t.Errorf("%s: %v; the guest gets %q, want %q", statement, err, text(err), guest)
		}
	}
	want(t, Query(t, c, "SELECT * FROM t"), "a", row{"hunter2"})
}

// refused: a statement reaches no other file, lifts no bound, and sees nothing of the host.
func refused(t *testing.T, b sqlite.Backend) {
	c := Connect(t, b)
	dir := t.TempDir()
	for _, statement := range []string{
		"ATTACH '" + dir + "/x' AS y", "ATTACH ':memory:' AS y", "VACUUM INTO '" + dir + "/x'", "DETACH main",
		"PRAGMA max_page_count = 1000000000", "PRAGMA database_list", "SELECT * FROM pragma_database_list", "SELECT file FROM \"PRAGMA_database_list\"",
		"PRAGMA writable_schema = ON", "PRAGMA temp_store_directory = '/'", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
		"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA hard_heap_limit = 0", "PRAGMA soft_heap_limit = 0", "PRAGMA cache_size = -1000000", "PRAGMA mmap_size = 100000000",
		"PRAGMA trusted_schema = ON", "PRAGMA busy_timeout = 1000000000", "PRAGMA temp_store = FILE", "EXPLAIN PRAGMA synchronous = OFF", "PRAGMA main.locking_mode = EXCLUSIVE",
		"SELECT load_extension('/x')", "SELECT * FROM sqlite_dbpage", "UPDATE sqlite_dbpage SET data = x''", "DELETE FROM sqlite_schema",
		"CREATE VIRTUAL TABLE d USING dbstat", "CREATE VIRTUAL TABLE d USING sqlite_dbpage", "CREATE TABLE ok (x); PRAGMA synchronous = OFF",
	} {
		if _, err := c.Query(t.Context(), statement, nil, unbounded); err == nil {
			t.Errorf("%s: not refused", statement)
		}
	}
	want(t, Query(t, c, "SELECT name FROM pragma_table_info('ok')"), "name", row{"x"})
	want(t, Query(t, c, "PRAGMA foreign_keys"), "foreign_keys", row{int64(1)})
	Query(t, c, "PRAGMA user_version = 3; PRAGMA integrity_check; PRAGMA table_info(ok); ANALYZE; REINDEX; PRAGMA optimize")
	Query(t, c, " vacuum ;")
	if _, err := c.Query(t.Context(), "ATTACH '"+dir+"/x' AS y", nil, unbounded); err == nil {
		t.Error("not refused after VACUUM")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Error(files, err)
	}
}

// left: a connection begins as new, whatever the one before has left.
func left(t *testing.T, b sqlite.Backend) {
	for _, statement := range []string{
		"CREATE TABLE t (i INTEGER PRIMARY KEY); INSERT INTO t VALUES (5)", "CREATE TEMP TABLE x (i); INSERT INTO x VALUES (1)", "PRAGMA foreign_keys = OFF",
		"PRAGMA query_only = ON", "BEGIN; DELETE FROM t", "SAVEPOINT s; DELETE FROM t", "PRAGMA case_sensitive_like = ON",
	} {
		c, err := b.Open(t.Context(), owner, "default")
		if err != nil {
			t.Fatal(err)
		}
		Query(t, c, statement)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		c = Connect(t, b)
		if c.LastInsertID() != 0 || c.Changes() != 0 {
			t.Errorf("after %s: row id %d, changes %d", statement, c.LastInsertID(), c.Changes())
		}
		want(t, Query(t, c, "SELECT i FROM t"), "i", row{int64(5)})
		want(t, Query(t, c, "SELECT 'a' LIKE 'A' AS l, (SELECT count(*) FROM sqlite_temp_schema) AS n, last_insert_rowid() AS r"), "l n r", row{int64(1), int64(0), int64(0)})
		want(t, Query(t, c, "PRAGMA foreign_keys"), "foreign_keys", row{int64(1)})
		Query(t, c, "UPDATE t SET i = 5")
		_ = c.Close()
	}
}

// rollback: what a connection has not committed is gone with it.
func rollback(t *testing.T, b sqlite.Backend) {
	c, err := b.Open(t.Context(), owner, "default")
	if err != nil {
		t.Fatal(err)
	}
	Query(t, c, "CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	d := Connect(t, b)
	want(t, Query(t, d, "SELECT * FROM t"), "a")
	Query(t, d, "BEGIN; INSERT INTO t VALUES (2); COMMIT")
	want(t, Query(t, Connect(t, b), "SELECT * FROM t"), "a", row{int64(2)})
}

// concurrent: connections that write at once wait for one another.
func concurrent(t *testing.T, b sqlite.Backend) {
	c := Connect(t, b)
	Query(t, c, "CREATE TABLE n (i INTEGER); INSERT INTO n VALUES (0)")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c, err := b.Open(t.Context(), owner, "default")
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for range 25 {
				if _, err := c.Query(t.Context(), "UPDATE n SET i = i + 1", nil, unbounded); err != nil {
					t.Error(text(err))
				}
			}
		})
	}
	wg.Wait()
	want(t, Query(t, c, "SELECT i FROM n"), "i", row{int64(100)})
}

// cancelled: a statement ends with its context, and the connection goes on.
func cancelled(t *testing.T, b sqlite.Backend) {
	c := Connect(t, b)
	const forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Query(ctx, forever, nil, unbounded); err == nil {
		t.Error("it has ended by itself")
	}
	want(t, Query(t, c, "SELECT 1 AS a"), "a", row{int64(1)})
	// One that waits for a lock ends, too.
	holder := Connect(t, b)
	Query(t, holder, "CREATE TABLE t (a); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)")
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Query(ctx, "INSERT INTO t VALUES (2)", nil, unbounded); err == nil {
		t.Error("two have the lock")
	}
}

// bounded: no statement takes the memory of the host.
func bounded(t *testing.T, b sqlite.Backend) {
	c := Connect(t, b)
	for _, statement := range []string{
		"SELECT randomblob(1000000000)", "SELECT zeroblob(1000000000)", "SELECT printf('%1000000000s', 'x')",
		"WITH RECURSIVE n(s) AS (SELECT 'xxxxxxxxxxxxxxxx' UNION ALL SELECT s || s FROM n) SELECT length(s) FROM n",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT group_concat(hex(zeroblob(1000000))) FROM n",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT zeroblob(1000000) || i AS z FROM n ORDER BY random()",
		"CREATE TEMP TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT zeroblob(1000000) FROM n",
	} {
		if _, err := c.Query(t.Context(), statement, nil, unbounded); err == nil {
			t.Errorf("%s: no error", statement)
		} else if len(text(err)) > 200 {
			t.Errorf("%s: %s", statement, text(err))
		}
		c = Connect(t, b)
	}
	limit := errors.New("enough")
	sum := 0
	_, err := c.Query(t.Context(), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT zeroblob(100000) FROM n", nil, func(n int) error {
		if sum += n; sum > 1<<20 {
			return limit
		}
		return nil
	})
	if !errors.Is(err, limit) || sum > 1<<20+101_000 {
		t.Error(err, sum)
	}
	want(t, Query(t, c, "SELECT ? AS a", bytes.Repeat([]byte{1}, 1<<20)), "a", row{bytes.Repeat([]byte{1}, 1<<20)})
}

// manyConnections: a guest cannot have any number of them, and one that is closed makes room.
func manyConnections(t *testing.T, b sqlite.Backend) {
	var open []sqlite.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for {
		c, err := b.Open(t.Context(), owner, "default")
		if err != nil {
			break
		}
		if open = append(open, c); len(open) > 1000 {
			t.Fatal("no bound")
		}
	}
	_ = open[0].Close()
	open = open[1:]
	want(t, Query(t, Connect(t, b), "SELECT 1 AS a"), "a", row{int64(1)})
}
