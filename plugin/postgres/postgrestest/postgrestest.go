// Package postgrestest is the contract of postgres's backends, as tests.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/postgres"
)

// Opener makes a backend with a login of its own, whose database has no tables. It lets most connections be used at once, 0 for any number, and
// a statement take that long.
type Opener func(t *testing.T, most int, timeout time.Duration) postgres.Backend

// Run tests a backend.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, Opener)
	}{
		{"Values", values}, {"Formats", formats}, {"Types", types}, {"Affected", affected}, {"Errors", serverErrors}, {"Parameters", parameters}, {"Batch", batch}, {"Check", check},
		{"Transactions", transactions}, {"Left", left}, {"Early", early}, {"Large", large}, {"Cancelled", cancelled}, {"Timeout", timeout}, {"Bounded", bounded}, {"Concurrent", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, open) })
	}
}

// Connect opens a connection of the test.
func Connect(t *testing.T, b postgres.Backend) postgres.Conn {
	t.Helper()
	c, err := b.Open(t.Context(), postgres.Login{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func connect(t *testing.T, open Opener) postgres.Conn {
	t.Helper()
	return Connect(t, open(t, 0, 0))
}

func texts(values ...string) []postgres.Param {
	out := make([]postgres.Param, len(values))
	for i, v := range values {
		out[i] = postgres.Param{Text: v}
	}
	return out
}

// Try runs a statement, and gives its rows as text: a line a row, values between bars, NULL for none.
func Try(ctx context.Context, c postgres.Conn, sql string, params ...postgres.Param) (string, error) {
	rows, err := c.Query(ctx, postgres.Statement{SQL: sql, Params: params})
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var lines []string
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return strings.Join(lines, "\n"), nil
		}
		if err != nil {
			return strings.Join(lines, "\n"), err
		}
		var line []string
		for _, v := range row {
			if v == nil {
				line = append(line, "NULL")
			} else {
				line = append(line, string(v))
			}
		}
		lines = append(lines, strings.Join(line, "|"))
	}
}

// Query runs a statement that must succeed.
func Query(t *testing.T, c postgres.Conn, want, sql string, params ...string) {
	t.Helper()
	got, err := Try(t.Context(), c, sql, texts(params...)...)
	if err != nil || got != want {
		t.Errorf("%s: got %q, %v; wanted %q", sql, got, explain(err), want)
	}
}

// explain is an error with what the guest gets of it.
func explain(err error) string {
	var s *postgres.ServerError
	if errors.As(err, &s) {
		return fmt.Sprintf("%v: %s", err, s.Message)
	}
	return fmt.Sprint(err)
}

func code(err error) string {
	var s *postgres.ServerError
	if errors.As(err, &s) {
		return s.Code
	}
	return ""
}

// values: parameters have the types that the statement gives them; NULL and no text are different.
func values(t *testing.T, open Opener) {
	c := connect(t, open)
	Query(t, c, "", "CREATE TABLE t (i int8, s text, d date, b bytea, n numeric, u uuid)")
	Query(t, c, "", "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)", "-9223372036854775808", "ä 'x'; --", "2020-02-29", `\x00ff`, "1.500", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")
	Query(t, c, `-9223372036854775808|ä 'x'; --|2020-02-29|\x00ff|1.500|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11`, "SELECT * FROM t")
	got, err := Try(t.Context(), c, "SELECT $1::int4, $2::text, $3::text", postgres.Param{Null: true}, postgres.Param{}, postgres.Param{Text: "NULL"})
	if got != "NULL||NULL" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	n := int8(-100)
	got, err = Try(t.Context(), c, `SELECT ascii($1::"char"::text), $1::"char" IS NULL, $2::int2`, postgres.Param{Text: "x", Byte: ptr(int8(65))}, postgres.Param{Text: "-100", Byte: &n})
	if got != "65|f|-100" || err != nil {
		t.Errorf("got %q, %v", got, explain(err))
	}
	Query(t, c, "", "")
	Query(t, c, "", "-- nothing")
}

func ptr[T any](v T) *T { return &v }

// formats: values come in the form that is wanted for their types.
func formats(t *testing.T, open Opener) {
	c := connect(t, open)
	rows, err := c.Query(t.Context(), postgres.Statement{SQL: "SELECT 258::int4 AS a, 258::int8 AS b, 'x'::text AS c", Binary: func(typ string) bool { return typ == "int4" }})
	if err != nil {
		t.Fatal(explain(err))
	}
	defer rows.Close()
	row, err := rows.Next(t.Context())
	if err != nil || string(row[0]) != "\x00\x00\x01\x02" || string(row[1]) != "258" || string(row[2]) != "x" {
		t.Errorf("got %q, %v", row, err)
	}
	if got := fmt.Sprint(rows.Columns()); got != "[{a int4} {b int8} {c text}]" {
		t.Error(got)
	}
}

// types: those that PostgreSQL does not have itself are known by their names, too.
func types(t *testing.T, open Opener) {
	b := open(t, 0, 0)
	c := Connect(t, b)
	if err := c.Batch(t.Context(), "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE pair AS (a int, b int); CREATE DOMAIN positive AS int CHECK (value > 0)"); err != nil {
		t.Fatal(explain(err))
	}
	for range 2 {
		rows, err := c.Query(t.Context(), postgres.Statement{SQL: "SELECT 'good'::mood AS a, (1,2)::pair AS b, 3::positive AS c, '{bad}'::mood[] AS d"})
		if err != nil {
			t.Fatal(explain(err))
		}
		if got := fmt.Sprint(rows.Columns()); got != "[{a mood} {b pair} {c int4} {d _mood}]" {
			t.Error(got)
		}
		rows.Close()
	}
}

// affected: how many rows a statement has changed is known at its end.
func affected(t *testing.T, open Opener) {
	c := connect(t, open)
	for _, s := range []struct {
		sql  string
		want uint64
	}{
		{"CREATE TABLE t (i int)", 0}, {"INSERT INTO t VALUES (1), (2), (3)", 3}, {"UPDATE t SET i = 0 WHERE i > 1 RETURNING i", 2}, {"DELETE FROM t", 3}, {"SELECT generate_series(1, 7)", 7},
	} {
		rows, err := c.Query(t.Context(), postgres.Statement{SQL: s.sql})
		if err != nil {
			t.Fatal(explain(err))
		}
		for err == nil {
			_, err = rows.Next(t.Context())
		}
		if !errors.Is(err, io.EOF) || rows.Affected() != s.want {
			t.Errorf("%s: %d rows, %v; wanted %d", s.sql, rows.Affected(), err, s.want)
		}
		rows.Close()
	}
}

// serverErrors: the guest gets the server's words, the error's own text has nothing of the statement, and the connection goes on.
func serverErrors(t *testing.T, open Opener) {
	c := connect(t, open)
	Query(t, c, "", "CREATE TABLE t (a text UNIQUE NOT NULL CHECK (a <> 'hunter1'))")
	Query(t, c, "", "INSERT INTO t VALUES ('hunter2')")
	for sql, want := range map[string][2]string{
		"SELEKT 'hunter2'":                                 {"42601", "syntax error"},
		"SELECT hunter2":                                   {"42703", "does not exist"},
		"SELECT * FROM hunter2":                            {"42P01", "does not exist"},
		"INSERT INTO t VALUES ('hunter2')":                 {"23505", "duplicate key"},
		"INSERT INTO t VALUES (NULL)":                      {"23502", "null value"},
		"INSERT INTO t VALUES ('hunter1')":                 {"23514", "check constraint"},
		"SELECT 'hunter2'::int":                            {"22P02", "invalid input syntax"},
		"SELECT 1/(1 - i) FROM generate_series(0, 3) AS i": {"22012", "division by zero"},
		"SELECT 1; SELECT 2":                               {"42601", "multiple commands"},
	} {
		_, err := Try(t.Context(), c, sql)
		var s *postgres.ServerError
		if !errors.As(err, &s) || s.Code != want[0] || s.Severity != "ERROR" || !strings.Contains(s.Message, want[1]) {
			t.Errorf("%s: %s; wanted %s", sql, explain(err), want)
		} else if strings.Contains(err.Error(), "hunter") || errors.Is(err, postgres.ErrUnavailable) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	_, err := Try(t.Context(), c, "INSERT INTO t VALUES ('hunter2')")
	var s *postgres.ServerError
	if !errors.As(err, &s) || !strings.Contains(s.Detail, "(hunter2) already exists") || !strings.Contains(fmt.Sprint(s.Extras), "[constraint_name t_a_key]") {
		t.Errorf("%+v", s)
	}
	Query(t, c, "hunter2", "SELECT * FROM t")
}

// parameters: too few, too many, or what cannot be one.
func parameters(t *testing.T, open Opener) {
	c := connect(t, open)
	for _, n := range []int{0, 1, 3} {
		_, err := Try(t.Context(), c, "SELECT $1::int, $2::int", make([]postgres.Param, n)...)
		var p *postgres.ParameterError
		if !errors.As(err, &p) {
			t.Errorf("%d: %v", n, explain(err))
		}
	}
	if _, err := Try(t.Context(), c, "SELECT 1 \x00 FROM x"); !errors.Is(err, postgres.ErrStatement) {
		t.Error(err)
	}
	if err := c.Batch(t.Context(), "SELECT 1 \x00"); !errors.Is(err, postgres.ErrStatement) {
		t.Error(err)
	}
	if _, err := Try(t.Context(), c, "SELECT $1::text", texts("a\x00b")...); code(err) != "22021" {
		t.Error(explain(err))
	}
	Query(t, c, "1", "SELECT 1")
}

// batch: several statements are one transaction, unless they say otherwise.
func batch(t *testing.T, open Opener) {
	c := connect(t, open)
	if err := c.Batch(t.Context(), "CREATE TABLE t (i int); INSERT INTO t VALUES (1); SELECT generate_series(1, 100000); INSERT INTO t VALUES (2)"); err != nil {
		t.Fatal(explain(err))
	}
	if err := c.Batch(t.Context(), "INSERT INTO t VALUES (3); SELECT 1/0; INSERT INTO t VALUES (4)"); code(err) != "22012" {
		t.Error(explain(err))
	}
	if err := c.Batch(t.Context(), ""); err != nil {
		t.Error(explain(err))
	}
	Query(t, c, "1\n2", "SELECT * FROM t")
}

// check: a statement is compiled and not run.
func check(t *testing.T, open Opener) {
	c := connect(t, open)
	Query(t, c, "", "CREATE TABLE t (i int)")
	if err := c.Check(t.Context(), "INSERT INTO t VALUES ($1)"); err != nil {
		t.Error(explain(err))
	}
	if err := c.Check(t.Context(), "INSERT INTO none VALUES ($1)"); code(err) != "42P01" {
		t.Error(explain(err))
	}
	Query(t, c, "0", "SELECT count(*) FROM t")
}

// transactions: the state is known, and what is not committed is gone with the connection.
func transactions(t *testing.T, open Opener) {
	b := open(t, 0, 0)
	c, err := b.Open(t.Context(), postgres.Login{})
	if err != nil {
		t.Fatal(err)
	}
	state := func(want postgres.State) {
		t.Helper()
		if got := c.State(); got != want {
			t.Errorf("state %v, wanted %v", got, want)
		}
	}
	Query(t, c, "", "CREATE TABLE t (i int)")
	state(postgres.Idle)
	Query(t, c, "", "BEGIN")
	state(postgres.InTransaction)
	Query(t, c, "", "INSERT INTO t VALUES (1)")
	if _, err := Try(t.Context(), c, "SELECT 1/0"); err == nil {
		t.Error("no error")
	}
	state(postgres.InTransaction)
	if _, err := Try(t.Context(), c, "SELECT 1"); code(err) != "25P02" {
		t.Error(explain(err))
	}
	Query(t, c, "", "ROLLBACK")
	state(postgres.Idle)
	Query(t, c, "", "BEGIN")
	Query(t, c, "", "INSERT INTO t VALUES (2)")
	c.Close()
	Query(t, Connect(t, b), "", "SELECT * FROM t")
}

// left: a connection begins as new, whatever the one before has left.
func left(t *testing.T, open Opener) {
	b := open(t, 1, 0)
	for _, sql := range []string{
		"SET statement_timeout = 1", "CREATE TEMP TABLE x (i int)", "SET search_path = none", "BEGIN", "SET TimeZone = 'Asia/Tokyo'", "LISTEN x", "SELECT pg_advisory_lock(1)",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
	} {
		c, err := b.Open(t.Context(), postgres.Login{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Try(t.Context(), c, sql); err != nil {
			t.Errorf("%s: %s", sql, explain(err))
		}
		c.Close()
		if c, err = b.Open(t.Context(), postgres.Login{}); err != nil {
			t.Fatal(err)
		}
		Query(t, c, "0|\"$user\", public|0|0|off|f", "SELECT current_setting('statement_timeout'), current_setting('search_path'), (SELECT count(*) FROM pg_listening_channels()), "+
			"(SELECT count(*) FROM pg_cursors WHERE is_holdable), current_setting('transaction_read_only'), to_regclass('pg_temp.x') IS NOT NULL")
		c.Close()
	}
}

// early: rows that nobody reads keep no connection from being used.
func early(t *testing.T, open Opener) {
	b := open(t, 1, 0)
	for _, sql := range []string{"SELECT generate_series(1, 100)", "SELECT generate_series(1, 100000000)", "SELECT repeat('x', 20000), pg_sleep(greatest(i - 9, 0) * 1000) FROM generate_series(0, 20) AS i"} {
		c, err := b.Open(t.Context(), postgres.Login{})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := c.Query(t.Context(), postgres.Statement{SQL: sql})
		if err != nil {
			c.Close()
			t.Fatalf("%s: %s", sql, explain(err))
		}
		if _, err := rows.Next(t.Context()); err != nil {
			t.Error(explain(err))
		}
		rows.Close()
		rows.Close()
		c.Close()
	}
	Query(t, Connect(t, b), "1", "SELECT 1")
}

// large: a result passes row by row.
func large(t *testing.T, open Opener) {
	c := connect(t, open)
	rows, err := c.Query(t.Context(), postgres.Statement{SQL: "SELECT repeat('x', 1000) FROM generate_series(1, 50000)"})
	if err != nil {
		t.Fatal(explain(err))
	}
	defer rows.Close()
	n := 0
	for ; err == nil; n++ {
		_, err = rows.Next(t.Context())
	}
	if n != 50001 || !errors.Is(err, io.EOF) {
		t.Error(n, explain(err))
	}
}

// cancelled: a statement ends with its context, on the server as well.
func cancelled(t *testing.T, open Opener) {
	b := open(t, 0, 0)
	for _, sql := range []string{"SELECT pg_sleep(1000)", "SELECT count(*) FROM generate_series(1, 1000000000000)"} {
		c := Connect(t, b)
		ctx, cancel := context.WithCancelCause(t.Context())
		left := errors.New("the guest has left")
		time.AfterFunc(50*time.Millisecond, func() { cancel(left) })
		if _, err := Try(ctx, c, sql); !errors.Is(err, left) {
			t.Errorf("%s: %s", sql, explain(err))
		}
	}
	c := Connect(t, b)
	for range 3000 {
		got, err := Try(t.Context(), c, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'")
		if err != nil {
			t.Fatal(explain(err))
		}
		if got == "0" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the statements go on")
}

// timeout: a statement may take so long and no longer.
func timeout(t *testing.T, open Opener) {
	b := open(t, 0, 200*time.Millisecond)
	for range 3 { // the first ones may take the time to connect
		if _, err := Try(t.Context(), Connect(t, b), "SELECT pg_sleep(1000)"); !errors.Is(err, postgres.ErrTimeout) {
			t.Error(explain(err))
		}
	}
	if err := Connect(t, b).Batch(t.Context(), "SELECT pg_sleep(1000)"); !errors.Is(err, postgres.ErrTimeout) {
		t.Error(explain(err))
	}
}

// bounded: there are so many connections and no more, and who waits for one gets the next.
func bounded(t *testing.T, open Opener) {
	b := open(t, 2, 2*time.Second)
	first := Connect(t, b)
	second, err := b.Open(t.Context(), postgres.Login{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(t.Context(), postgres.Login{}); !errors.Is(err, postgres.ErrUnavailable) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Open(ctx, postgres.Login{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	second.Close()
	Query(t, Connect(t, b), "1", "SELECT 1")
	Query(t, first, "1", "SELECT 1")
}

// concurrent: connections are used at once, more of them than there may be.
func concurrent(t *testing.T, open Opener) {
	b := open(t, 4, 0)
	c := Connect(t, b)
	Query(t, c, "", "CREATE TABLE n (i int)")
	Query(t, c, "", "INSERT INTO n VALUES (0)")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				c, err := b.Open(t.Context(), postgres.Login{})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := Try(t.Context(), c, "UPDATE n SET i = i + 1"); err != nil {
					t.Error(explain(err))
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	Query(t, c, "200", "SELECT i FROM n")
}
