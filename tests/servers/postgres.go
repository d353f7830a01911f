package servers

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Postgres is a PostgreSQL server of tests, whose data is on disk before a commit is acknowledged.
type Postgres struct {
	Addr     string // HOST:PORT
	Password string // of the user postgres, who may do anything

	bin, dir string
	args     []string
	cmd      *exec.Cmd
	log      *os.File
	last     atomic.Int64 // database
}

// postgresBin is the folder of PostgreSQL's commands: that of the newest version, if several are installed.
func postgresBin() (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(found) > 0 { // Debian's folder is not in the path
		return filepath.Dir(found[len(found)-1]), nil
	}
	file, err := exec.LookPath("postgres")
	return filepath.Dir(file), err
}

// StartPostgres starts a server, which ends with the test. args are further arguments, for example "-c", "max_connections=5".
func StartPostgres(t testing.TB, args ...string) *Postgres {
	t.Helper()
	p, err := newPostgres(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.remove)
	return p
}

var shared struct {
	mu sync.Mutex
	p  *Postgres
}

// SharedPostgres is a server for all tests of a package, which must not stop it. TestMain calls StopShared.
func SharedPostgres(t testing.TB) *Postgres {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.p == nil {
		p, err := newPostgres(t)
		if err != nil {
			t.Fatal(err)
		}
		shared.p = p
	}
	return shared.p
}

// StopShared ends the shared servers of a package.
func StopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.p != nil {
		shared.p.remove()
		shared.p = nil
	}
}

// newPostgres makes the files of a server, and starts it.
func newPostgres(t testing.TB, args ...string) (*Postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		t.Skip("there is no postgres; Debian's package postgresql has it")
	}
	dir, err := os.MkdirTemp("", "vitrine-postgres") // the server's user may not read the test's own folder
	if err != nil {
		return nil, err
	}
	p := &Postgres{Addr: freeAddr(t), Password: "planted-postgres-password", bin: bin, dir: dir, args: args}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(p.Password+"\n"), 0o600); err != nil {
		return nil, err
	}
	if p.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	if err := giveAway(dir, password); err != nil {
		return nil, err
	}
	if out, err := p.command("initdb", "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", password,
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return p, p.start()
}

// command is one of PostgreSQL's, which refuse to run as root.
func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(p.bin, name), args...)
	c.Dir = p.dir
	asOther(c)
	return c
}

func (p *Postgres) start() error {
	host, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		return err
	}
	args := append([]string{"-D", filepath.Join(p.dir, "data"), "-h", host, "-p", port, "-k", p.dir, "-c", "listen_addresses=" + host}, p.args...)
	for deadline := time.Now().Add(time.Minute); ; {
		cmd := p.command("postgres", args...)
		cmd.Stdout, cmd.Stderr = p.log, p.log
		if err := cmd.Start(); err != nil {
			return err
		}
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait() // the log says why
			close(ended)
		}()
		for running := true; running; {
			if p.command("pg_isready", "-q", "-h", host, "-p", port).Run() == nil {
				p.cmd = cmd
				return nil
			}
			select {
			case <-ended: // processes of the one that was killed may still be there
				running = false
			case <-time.After(20 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				_ = cmd.Process.Kill() // it may have ended
				text, _ := os.ReadFile(p.log.Name())
				return fmt.Errorf("postgres does not start:\n%s", text)
			}
		}
	}
}

// Start starts a server that was killed, with its data.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
}

// Kill ends the server as a machine that fails does. It does nothing where the server has ended.
func (p *Postgres) Kill() {
	if p.cmd == nil {
		return
	}
	sessions := childrenOf(p.cmd.Process.Pid)
	_ = p.cmd.Process.Kill()     // it may have ended
	for _, c := range sessions { // they would answer until they notice
		if c, err := os.FindProcess(c); err == nil {
			_ = c.Kill()
		}
	}
	for { // Wait has another caller
		if c, err := net.Dial("tcp", p.Addr); err != nil {
			break
		} else {
			_ = c.Close()
			time.Sleep(time.Millisecond)
		}
	}
	p.cmd = nil
}

// childrenOf are the processes that a process has started, where the system tells.
func childrenOf(pid int) (pids []int) {
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, text := range strings.Fields(string(list)) {
		if n, err := strconv.Atoi(text); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

func (p *Postgres) remove() {
	p.Kill()
	_ = p.log.Close()
	for range 100 { // processes of the server write until they notice
		if os.RemoveAll(p.dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// SQL runs statements as the user postgres, and returns what psql prints: a line a row, with columns between bars.
func (p *Postgres) SQL(t testing.TB, database, statements string) string {
	t.Helper()
	c := p.command("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements, p.address("postgres", p.Password, database))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", statements, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Database makes a database, and returns its name.
func (p *Postgres) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("d%d", p.last.Add(1))
	p.SQL(t, "postgres", "CREATE DATABASE "+name)
	return name
}

// URL is what a grant says of a database: without the password.
func (p *Postgres) URL(database string) string {
	return "postgres://postgres@" + p.Addr + "/" + database
}

// Address is the address with the password, as guests may have it.
func (p *Postgres) Address(database string) string {
	return p.address("postgres", p.Password, database)
}

func (p *Postgres) address(user, password, database string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: p.Addr, Path: "/" + database}).String()
}
