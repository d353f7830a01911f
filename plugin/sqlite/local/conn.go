package local

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/ext/rtree"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/workload"
)

// conn is a connection with an SQLite of its own.
type conn struct {
	pool    *pool
	db      *sqlite3.Conn // nil until it is open
	before  int64         // rows that others have changed by it
	changed bool          // a statement has changed more than the database: a setting, or what is temporary
	broken  bool          // its SQLite has panicked, for want of memory, and must not be used
}

// open opens the connection, and bounds what statements can do.
func (c *conn) open(ctx context.Context) (err error) {
	if c.pool.path != "" {
		if err := private(c.pool.path + "-shm"); err != nil { // or SQLite makes one that everybody may read and lock
			return err
		}
	}
	if c.db, err = sqlite3.OpenContext(ctx, c.pool.uri); err != nil {
		return err
	}
	if err := errors.Join(c.db.BusyTimeout(busyTimeout), fts5.Register(c.db), rtree.Register(c.db)); err != nil { // they read the database
		return err
	}
	if err := c.db.Exec(c.pool.setup + "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA max_page_count = " +
		strconv.FormatUint(max(c.pool.size/pageSize, 16), 10)); err != nil {
		return err
	}
	c.db.HardHeapLimit(maxHeap)
	for id, most := range map[sqlite3.LimitCategory]int{
		sqlite3.LIMIT_LENGTH: maxLength, sqlite3.LIMIT_SQL_LENGTH: maxLength, sqlite3.LIMIT_ATTACHED: 0, sqlite3.LIMIT_WORKER_THREADS: 0,
	} {
		c.db.Limit(id, most)
	}
	for _, option := range []struct {
		id sqlite3.DBConfig
		on bool
	}{{sqlite3.DBCONFIG_DEFENSIVE, true}, {sqlite3.DBCONFIG_TRUSTED_SCHEMA, false}, {sqlite3.DBCONFIG_ENABLE_LOAD_EXTENSION, false}} {
		if _, err := c.db.Config(option.id, option.on); err != nil {
			return err
		}
	}
	return c.db.SetAuthorizer(c.authorize)
}

// Close implements sqlite.Conn.
func (c *conn) Close() error { return c.pool.put(c) }

// reset rolls back what is not committed, for the next guest.
func (c *conn) reset() error {
	c.db.SetInterrupt(context.Background())
	if !c.db.GetAutocommit() {
		if err := c.db.Exec("ROLLBACK"); err != nil {
			return err
		}
	}
	c.db.SetLastInsertRowID(0)
	c.before = c.db.TotalChanges()
	return nil
}

// end closes the connection. SQLite rolls back what is not committed.
func (c *conn) end() error {
	if c.db == nil {
		return nil
	}
	return c.guard(func() error {
		for s := range c.db.Stmts() { // of a call that has panicked
			_ = s.Close() // it repeats the statement's own error
		}
		return c.db.Close()
	})
}

// guard calls f and makes an error of a panic, which the library has where SQLite is out of the connection's own memory.
func (c *conn) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.broken = true
			err = &sqlite.StatementError{Code: "out of memory", Text: "out of memory: the connection is closed; open another"}
		}
	}()
	return f()
}

// LastInsertID implements sqlite.Conn.
func (c *conn) LastInsertID() int64 { return c.db.LastInsertRowID() }

// Changes implements sqlite.Conn.
func (c *conn) Changes() uint64 {
	if c.db.TotalChanges() == c.before {
		return 0
	}
	return uint64(c.db.Changes())
}

// Query implements sqlite.Conn.
func (c *conn) Query(ctx context.Context, statement string, args []sqlite.Value, add func(bytes int) error) (r sqlite.Result, err error) {
	if c.broken {
		return r, &sqlite.StatementError{Code: "out of memory", Text: "the connection is closed, because a statement was out of memory; open another"}
	}
	err = c.guard(func() (err error) {
		c.db.SetInterrupt(ctx)
		if vacuum.MatchString(statement) {
			return c.vacuum()
		}
		r, err = c.query(statement, args, add)
		return err
	})
	return r, err
}

// vacuum is the statement that SQLite runs by attaching a database, which guests may not.
var vacuum = regexp.MustCompile(`(?i)^\s*VACUUM(\s+main)?\s*;?\s*$`)

func (c *conn) vacuum() error {
	if err := c.db.SetAuthorizer(nil); err != nil {
		return err
	}
	c.db.Limit(sqlite3.LIMIT_ATTACHED, 1)
	err := known(c.db.Exec("VACUUM"))
	c.db.Limit(sqlite3.LIMIT_ATTACHED, 0)
	return errors.Join(err, c.db.SetAuthorizer(c.authorize))
}

func (c *conn) query(statement string, args []sqlite.Value, add func(bytes int) error) (sqlite.Result, error) {
	for {
		s, tail, err := c.db.Prepare(statement)
		if err != nil {
			return sqlite.Result{}, known(err)
		}
		last := blank(tail)
		if s == nil { // nothing but spaces and comments
			if last {
				return sqlite.Result{}, nil
			}
			statement = tail
			continue
		}
		if !last {
			if err := s.Exec(); err != nil {
				return sqlite.Result{}, known(errors.Join(err, s.Close()))
			}
			if err := s.Close(); err != nil {
				return sqlite.Result{}, known(err)
			}
			statement = tail
			continue
		}
		r, err := query(s, args, add)
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
		return r, known(err)
	}
}

// blank says that nothing but spaces and semicolons follows. A comment at the end is a statement that does nothing, which would take
// the arguments: so it is skipped, too.
func blank(tail string) bool {
	for {
		tail = strings.TrimLeft(tail, " \t\r\n\f;")
		switch {
		case tail == "":
			return true
		case strings.HasPrefix(tail, "--"):
			_, rest, found := strings.Cut(tail, "\n")
			if !found {
				return true
			}
			tail = rest
		case strings.HasPrefix(tail, "/*"):
			_, rest, found := strings.Cut(tail[2:], "*/")
			if !found {
				return true
			}
			tail = rest
		default:
			return false
		}
	}
}

// rowBytes is what a row and a value cost besides their content.
const (
	rowBytes   = 24
	valueBytes = 64 // in Go, and as the interface's type
)

// query runs one statement.
func query(s *sqlite3.Stmt, args []sqlite.Value, add func(bytes int) error) (r sqlite.Result, err error) {
	if n := s.BindCount(); n != len(args) {
		return r, &sqlite.StatementError{Code: "column index out of range", Text: fmt.Sprintf("the statement has %d parameters, and there are %d values", n, len(args))}
	}
	for i, a := range args {
		if err := bind(s, i+1, a); err != nil {
			return r, err
		}
	}
	r.Columns = make([]string, s.ColumnCount())
	for i := range r.Columns {
		r.Columns[i] = s.ColumnName(i)
	}
	for s.Step() {
		bytes := rowBytes + valueBytes*len(r.Columns)
		for i := range r.Columns {
			if t := s.ColumnType(i); t == sqlite3.TEXT || t == sqlite3.BLOB {
				bytes += len(s.ColumnRawBlob(i))
			}
		}
		if err := add(bytes); err != nil {
			return r, err
		}
		row := make([]sqlite.Value, len(r.Columns))
		for i := range row {
			row[i] = value(s, i)
		}
		r.Rows = append(r.Rows, row)
	}
	return r, s.Err()
}

func bind(s *sqlite3.Stmt, at int, v sqlite.Value) error {
	switch v := v.(type) {
	case int64:
		return s.BindInt64(at, v)
	case float64:
		return s.BindFloat(at, v)
	case string:
		return s.BindText(at, v)
	case []byte:
		if len(v) == 0 {
			return s.BindZeroBlob(at, 0) // no bytes are not NULL
		}
		return s.BindBlob(at, v)
	}
	return s.BindNull(at)
}

func value(s *sqlite3.Stmt, at int) sqlite.Value {
	switch s.ColumnType(at) {
	case sqlite3.INTEGER:
		return s.ColumnInt64(at)
	case sqlite3.FLOAT:
		return s.ColumnFloat(at)
	case sqlite3.TEXT:
		return strings.ToValidUTF8(s.ColumnText(at), "\uFFFD")
	case sqlite3.BLOB:
		return s.ColumnBlob(at, []byte{})
	}
	return nil
}

// known makes an error one of package sqlite's, where it is SQLite's own.
func known(err error) error {
	var e *sqlite3.Error
	var bare sqlite3.ErrorCode // of what has no text of its own: opening a file that is no database
	var code, text string
	switch {
	case errors.As(err, &e):
		bare, code = e.Code(), strings.TrimPrefix(e.ExtendedCode().Error(), prefix)
		text = strings.TrimPrefix(e.Error(), prefix)
	case errors.As(err, &bare):
		code = strings.TrimPrefix(bare.Error(), prefix)
		text = code
	default:
		return err
	}
	switch bare {
	case sqlite3.FULL:
		return fmt.Errorf("%w: %s", sqlite.ErrFull, code)
	case sqlite3.CORRUPT, sqlite3.NOTADB, sqlite3.IOERR, sqlite3.CANTOPEN, sqlite3.PERM, sqlite3.INTERNAL, sqlite3.PROTOCOL, sqlite3.NOLFS:
		return &backend.DownError{Reason: workload.BackendStorage, Err: errors.New(code)} // of the file and its disk
	}
	if _, detail, ok := strings.Cut(text, code+": "); ok {
		text = detail
	}
	return &sqlite.StatementError{Code: code, Text: text}
}

// prefix begins the texts of the library's errors.
const prefix = "sqlite3: "
