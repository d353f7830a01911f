package local

import (
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// pragmas are those that read or change only what is the component's own, without and with an argument. All others are refused: they name files of the
// host, undo the bounds of the connection, or hold locks for good.
var pragmas = map[string]struct{ read, write bool }{
	"application_id": {true, true}, "analysis_limit": {true, true}, "automatic_index": {true, true}, "auto_vacuum": {true, false},
	"case_sensitive_like": {true, true}, "collation_list": {true, false}, "compile_options": {true, false}, "data_version": {true, false},
	"defer_foreign_keys": {true, true}, "encoding": {true, true}, "foreign_key_check": {true, true}, "foreign_key_list": {true, true},
	"foreign_keys": {true, true}, "freelist_count": {true, false}, "function_list": {true, false}, "index_info": {true, true},
	"index_list": {true, true}, "index_xinfo": {true, true}, "integrity_check": {true, true}, "journal_mode": {true, false},
	"max_page_count": {true, false}, "optimize": {true, true}, "page_count": {true, false}, "page_size": {true, false}, "pragma_list": {true, false},
	"query_only": {true, true}, "quick_check": {true, true}, "recursive_triggers": {true, true}, "schema_version": {true, false},
	"table_info": {true, true}, "table_list": {true, true}, "table_xinfo": {true, true}, "user_version": {true, true},
}

// functions are refused: they load code, or give pointers of the host's.
var functions = map[string]bool{"load_extension": true, "fts3_tokenizer": true}

// tables are refused: they read and write the pages of the file, and show the host's names.
var tables = map[string]bool{"sqlite_dbpage": true, "pragma_database_list": true, "sqlite_memstat": true}

// authorize says what a statement may do, when it is compiled. See https://sqlite.org/c3ref/c_alter_table.html for the arguments.
func (c *conn) authorize(action sqlite3.AuthorizerActionCode, name, arg, _, _ string) sqlite3.AuthorizerReturnCode {
	allowed := true
	switch action {
	case sqlite3.AUTH_ATTACH, sqlite3.AUTH_DETACH:
		allowed = false
	case sqlite3.AUTH_PRAGMA:
		p := pragmas[strings.ToLower(name)]
		allowed = arg == "" && p.read || arg != "" && p.write
		c.changed = c.changed || arg != ""
	case sqlite3.AUTH_CREATE_TEMP_TABLE, sqlite3.AUTH_CREATE_TEMP_INDEX, sqlite3.AUTH_CREATE_TEMP_TRIGGER, sqlite3.AUTH_CREATE_TEMP_VIEW:
		c.changed = true
	case sqlite3.AUTH_FUNCTION:
		allowed = !functions[strings.ToLower(arg)]
	case sqlite3.AUTH_READ, sqlite3.AUTH_UPDATE, sqlite3.AUTH_INSERT, sqlite3.AUTH_DELETE:
		allowed = !tables[strings.ToLower(name)]
	case sqlite3.AUTH_CREATE_VTABLE:
		allowed = strings.HasPrefix(strings.ToLower(arg), "fts") || strings.EqualFold(arg, "rtree") || strings.EqualFold(arg, "geopoly")
	}
	if !allowed {
		return sqlite3.AUTH_DENY
	}
	return sqlite3.AUTH_OK
}
