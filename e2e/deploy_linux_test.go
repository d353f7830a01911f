package e2e

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// deployment is a copy of examples/deploy with what its README has users put there.
func deployment(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../examples/deploy")); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"vitrine": program, "ca-certificates.crt": nil, "workload/notes.wasm": testref.Guest(t, "rust-kv-only-p2")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestImage: what the Dockerfile of examples/deploy copies is all that is needed to serve as the user that it names, who changes nothing but the
// volumes; the health check knows whether the workload is ready, and a signal ends all.
func TestImage(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change the root folder")
	}
	image := readDockerfile(t, "../examples/deploy/Dockerfile")
	root := t.TempDir()
	image.build(deployment(t), root)
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	if image.uid == 0 || image.gid == 0 || image.env["VITRINE_LISTEN"] != ":3000" || !strings.HasPrefix(image.env["VITRINE_ADMIN"], "127.0.0.1:") {
		t.Errorf("the image's user is %d:%d, its environment %v", image.uid, image.gid, image.env)
	}
	inside := func(env map[string]string, words ...string) *exec.Cmd {
		cmd := &exec.Cmd{Path: words[0], Args: words, Dir: "/", Env: image.environment(env)}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: image.uid, Gid: image.gid}}
		return cmd
	}
	before := image.others(root)
	serve := func() (*server, func() (int, string)) {
		t.Helper()
		s := waitReady(t, inside(map[string]string{"VITRINE_LISTEN": ":0", "VITRINE_ADMIN": "127.0.0.1:0"}, append(image.entrypoint, image.cmd...)...))
		address := operate(t, s).base
		return s, func() (int, string) {
			t.Helper()
			cmd := inside(map[string]string{"VITRINE_ADMIN": address}, image.healthcmd...)
			out, _ := cmd.CombinedOutput()
			return cmd.ProcessState.ExitCode(), string(out)
		}
	}
	s, health := serve()
	s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
	if code, said := health(); code != 0 || said != "ok\n" {
		t.Errorf("the health check of a workload that is ready: %d %s", code, said)
	}
	s.stop()
	if code, said := health(); code != 1 {
		t.Errorf("the health check of one that has ended: %d %s", code, said)
	}
	if text := s.stderr(); strings.Contains(text, "WARN") || strings.Contains(text, "ERROR") {
		t.Errorf("it complains: %s", text)
	}
	s, _ = serve()
	s.expect("/kv/get?key=x", "", 200, "abc\n")
	s.stop()
	if after := image.others(root); !maps.Equal(before, after) {
		t.Errorf("outside the volumes there was %v, and now is %v", before, after)
	}
	for _, volume := range image.volumes {
		if all, err := os.ReadDir(filepath.Join(root, volume)); err != nil || len(all) < 2 { // one is there from the beginning
			t.Errorf("in %s is %v, %v", volume, all, err)
		}
	}
}

// manager takes the place of a service manager's socket (sd_notify).
type manager struct {
	t    *testing.T
	path string
	said chan string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{t, filepath.Join(t.TempDir(), "notify"), make(chan string, 10_000)}
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-read })
	go func() {
		defer close(read)
		for b := make([]byte, 1000); ; {
			n, err := l.Read(b)
			if err != nil {
				return
			}
			select {
			case m.said <- string(b[:n]):
			default: // so that nobody waits for a manager
			}
		}
	}()
	return m
}

// until waits for a message that the pattern matches whole.
func (m *manager) until(pattern string) {
	m.t.Helper()
	want := regexp.MustCompile(`^(?:` + pattern + `)$`)
	for bound := time.After(time.Minute); ; {
		select {
		case got := <-m.said:
			if want.MatchString(got) {
				return
			}
		case <-bound:
			m.t.Fatalf("%s is not said", pattern)
		}
	}
}

const reloading = `RELOADING=1\nMONOTONIC_USEC=[0-9]+\n`

// TestServiceManager: a service manager is told that the server is ready, lives, also while it drains, reloads and stops.
func TestServiceManager(t *testing.T) {
	m := newManager(t)
	s := up(t, []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=100000"}, "--admin", "0", "--deadline", "1h", testref.File(t, "rust-http-full-p2"))
	m.until("READY=1")
	m.until("WATCHDOG=1")
	if code, got := operate(t, s).ask("POST", "/reload", ""); code != 200 {
		t.Errorf("/reload: %d %s", code, got)
	}
	m.until(reloading)
	m.until("READY=1")
	resp, err := http.Get(s.base + "/chunks?n=2&ms=3600000") // its head has come, and the rest comes in an hour
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.terminate()
	m.until("STOPPING=1")
	for range 5 {
		m.until("WATCHDOG=1")
	}
}

// unit is a unit file: the values of each key, in their order.
type unit map[string][]string

// readUnit reads a unit file, with the folders of the specifiers in dirs.
func readUnit(t *testing.T, file string, dirs map[string]string) unit {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	u := unit{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		for from, to := range dirs {
			value = strings.ReplaceAll(value, from, to)
		}
		u[key] = append(u[key], value)
	}
	return u
}

// one is the value of a key that must be there once.
func (u unit) one(t *testing.T, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Fatalf("%s is there %d times", key, len(u[key]))
	}
	return u[key][0]
}

// TestUnit: the command of the unit file in examples/deploy tells its service manager what Type and WatchdogSec promise, with the environment and
// the folders that the unit gives it; ExecReload reloads, and systemd finds no mistake.
func TestUnit(t *testing.T) {
	const file = "../examples/deploy/vitrine.service"
	dir, folders := deployment(t), t.TempDir()
	dirs := map[string]string{"/usr/local/bin/vitrine": binary, "/etc/vitrine": filepath.Join(dir, "workload"), "%t": folders + "/run", "%S": folders + "/state", "%C": folders + "/cache"}
	u := readUnit(t, file, dirs)
	for key, under := range map[string]string{"RuntimeDirectory": "run", "StateDirectory": "state", "CacheDirectory": "cache"} {
		if err := os.MkdirAll(filepath.Join(folders, under, u.one(t, key)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if u.one(t, "Type") != "notify" || u.one(t, "WatchdogSec") == "" || u.one(t, "DynamicUser") != "yes" {
		t.Errorf("the unit is %v", u)
	}
	t.Run("runs", func(t *testing.T) {
		m := newManager(t)
		words := strings.Fields(u.one(t, "ExecStart"))
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=100000")
		cmd.Env = append(append(cmd.Env, u["Environment"]...), "VITRINE_LISTEN=127.0.0.1:0")
		s := waitReady(t, cmd)
		m.until("READY=1")
		m.until("WATCHDOG=1")
		s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
		if out, err := exec.Command(binary, "probe", "unix:"+filepath.Join(folders, "run", "vitrine", "admin.sock")).CombinedOutput(); err != nil {
			t.Errorf("the probe: %v %s", err, out)
		}
		reload := strings.Fields(strings.ReplaceAll(u.one(t, "ExecReload"), "$MAINPID", fmt.Sprint(cmd.Process.Pid)))
		if out, err := exec.Command(reload[0], reload[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v %s", reload, err, out)
		}
		m.until(reloading)
		m.until("READY=1")
		s.expect("/kv/get?key=x", "", 200, "abc\n")
		s.terminate()
		m.until("STOPPING=1")
		s.stop()
		for _, under := range []string{"state", "cache"} {
			if all, err := os.ReadDir(filepath.Join(folders, under, "vitrine")); err != nil || len(all) == 0 {
				t.Errorf("in the %s folder is %v, %v", under, all, err)
			}
		}
	})
	t.Run("is checked", func(t *testing.T) {
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Skip("there is no systemd")
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		installed := filepath.Join(t.TempDir(), filepath.Base(file))
		if err := os.WriteFile(installed, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/vitrine", binary)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("systemd-analyze", "verify", "--man=no", installed).CombinedOutput(); err != nil || strings.Contains(string(out), filepath.Base(file)) {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
	})
}
