package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// DefaultPort is the port of addresses that name none.
const DefaultPort = 5432

// Address is the address of a database, as libpq reads it (PostgreSQL 15, 34.1.1): postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require,
// or host=HOST port=PORT user=USER.
type Address struct {
	Host string // a name, an IP address, or the folder of a Unix socket, which begins with a slash
	Port uint16
	Login
}

// ignored are keys that matter to libpq, and not here.
var ignored = []string{
	"application_name", "connect_timeout", "client_encoding", "fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
	"keepalives_retries", "tcp_user_timeout", "channel_binding", "gssencmode", "load_balance_hosts",
}

// tlsModes are the values of sslmode.
var tlsModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// ParseAddress parses an address. Errors never have parts of it, in which may be a password.
func ParseAddress(text string) (a Address, err error) {
	a.Port = DefaultPort
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if scheme, _, ok := strings.Cut(text, "://"); ok {
		if scheme != "postgres" && scheme != "postgresql" {
			return a, errors.New("want postgres://HOST:PORT/DATABASE")
		}
		err = a.url(text)
	} else {
		err = a.pairs(text)
	}
	if err != nil {
		return a, err
	}
	switch {
	case strings.ContainsFunc(text+a.Host+a.User+a.Password+a.Database, control): // a zero byte would end one, and begin the next parameter
		return a, errors.New("an address has no control characters")
	case a.Host == "":
		return a, errors.New("the address has no host; want postgres://HOST:PORT/DATABASE")
	case strings.Contains(a.Host, ","):
		return a, errors.New("the address has several hosts; want one")
	}
	return a, nil
}

func (a *Address) url(text string) error {
	u, err := url.Parse(text)
	if err != nil { // err quotes the address
		return errors.New("the address is no URL; want postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for special characters")
	}
	if u.User != nil {
		a.User = u.User.Username()
		a.Password, _ = u.User.Password()
	}
	a.Host = u.Hostname()
	if strings.HasPrefix(a.Host, "%2F") || strings.HasPrefix(a.Host, "%2f") {
		a.Host, _ = url.PathUnescape(a.Host)
	}
	a.Database = strings.TrimPrefix(u.Path, "/")
	if p := u.Port(); p != "" {
		if err := a.set("port", p); err != nil {
			return err
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("the address has a wrong query; want ?sslmode=require")
	}
	for key, values := range query {
		if err := a.set(key, values[len(values)-1]); err != nil {
			return err
		}
	}
	return nil
}

// set sets a parameter by its key in libpq.
func (a *Address) set(key, value string) error {
	switch key {
	case "host", "hostaddr":
		a.Host = value
	case "port":
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil || port == 0 {
			return errors.New("the address has a wrong port; want a number up to 65535")
		}
		a.Port = uint16(port)
	case "user":
		a.User = value
	case "password":
		a.Password = value
	case "dbname":
		a.Database = value
	case "sslmode":
		if !slices.Contains(tlsModes, value) {
			return fmt.Errorf("the address has a wrong sslmode; want %s", strings.Join(tlsModes, ", "))
		}
		a.TLS = value
	default:
		if !slices.Contains(ignored, key) {
			return errors.New("the address has a parameter that is not known here; want host, port, user, password, dbname and sslmode")
		}
	}
	return nil
}

// pairs reads key = value, with values in single quotes where they have spaces, and backslashes before quotes and backslashes.
func (a *Address) pairs(text string) error {
	errForm := errors.New("want an address, postgres://USER:PASSWORD@HOST:PORT/DATABASE or host=HOST user=USER, or the name of a granted database")
	for {
		text = strings.TrimLeft(text, " ")
		if text == "" {
			return nil
		}
		key, rest, ok := strings.Cut(text, "=")
		key = strings.TrimRight(key, " ")
		if !ok || key == "" || strings.Contains(key, " ") {
			return errForm
		}
		rest = strings.TrimLeft(rest, " ")
		quoted := strings.HasPrefix(rest, "'")
		rest = strings.TrimPrefix(rest, "'")
		var value strings.Builder
		i, closed := 0, !quoted
		for ; i < len(rest); i++ {
			c := rest[i]
			if c == '\\' && i+1 < len(rest) {
				i++
				value.WriteByte(rest[i])
				continue
			}
			if quoted && c == '\'' {
				closed = true
				i++
				break
			}
			if !quoted && c == ' ' {
				break
			}
			value.WriteByte(c)
		}
		if !closed {
			return errForm
		}
		text = rest[i:]
		if err := a.set(key, value.String()); err != nil {
			return err
		}
	}
}

// Place is the address without the login: postgres://HOST:PORT.
func (a *Address) Place() string {
	if strings.HasPrefix(a.Host, "/") {
		return "postgres:///?host=" + url.QueryEscape(a.Host)
	}
	return "postgres://" + net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
}

// isAddress says that a grant's name is an address. Then it stands for all addresses of its server, and of its database if it names one.
func isAddress(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// CheckName finds what is wrong with the name of a grant.
func CheckName(name string) error {
	if !isAddress(name) {
		return nil
	}
	a, err := ParseAddress(name)
	if err == nil && (a.User != "" || a.Password != "") {
		return errors.New("the address has a user; a grant's name is the server's address, postgres://HOST:PORT or postgres://HOST:PORT/DATABASE")
	}
	return err
}

// covers says whether the address of a grant's name stands for another address.
func (a *Address) covers(b *Address) bool {
	return strings.EqualFold(a.Host, b.Host) && a.Port == b.Port && (a.Database == "" || a.Database == b.Database)
}
