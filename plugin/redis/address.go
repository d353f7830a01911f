package redis

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Address is the address of a server as guests and grants give it: redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// for TLS.
type Address struct {
	TLS  bool
	Host string // without brackets, in lower case
	Port string
	Login
	AnyDatabase bool // the address names none
}

var errAddress = errors.New("want redis://HOST:PORT or rediss://HOST:PORT, with a database's number after it or not")

// ParseAddress parses an address. Errors never have parts of it, in which may be a password.
func ParseAddress(text string) (a Address, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" {
		return a, errAddress
	}
	a = Address{TLS: u.Scheme == "rediss", Host: strings.ToLower(u.Hostname()), Port: u.Port()}
	if a.Port == "" {
		a.Port = "6379"
	}
	if n, err := strconv.ParseUint(a.Port, 10, 16); err != nil || n == 0 {
		return a, errAddress
	}
	if u.User != nil {
		a.User = u.User.Username()
		a.Password, _ = u.User.Password()
	}
	number := strings.Trim(u.Path, "/")
	if a.AnyDatabase = number == ""; a.AnyDatabase {
		return a, nil
	}
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return a, errAddress
	}
	a.Database = int(n)
	return a, nil
}

// Place is the address without login and database: redis://HOST:PORT.
func (a *Address) Place() string {
	scheme, host := "redis", a.Host
	if a.TLS {
		scheme = "rediss"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + ":" + a.Port
}

// covers says whether the address of a grant's name stands for another address.
func (a *Address) covers(b *Address) bool {
	return a.TLS == b.TLS && a.Host == b.Host && a.Port == b.Port && (a.AnyDatabase || a.Database == b.Database)
}

// isAddress says that a grant's name is an address. Then it stands for all addresses of its server, and of its database if it names one.
func isAddress(name string) bool { return strings.Contains(name, "://") }

// CheckName finds what is wrong with the name of a grant.
func CheckName(name string) error {
	if !isAddress(name) {
		return nil
	}
	a, err := ParseAddress(name)
	if err == nil && (a.User != "" || a.Password != "") {
		return errors.New("the address has a user; a grant's name is the server's address, redis://HOST:PORT")
	}
	return err
}
