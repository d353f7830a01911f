package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// firstAnswers is how long each template takes from nothing to a traced answer, on a machine that has its toolchain and no cache.
type firstAnswers struct {
	Templates []*firstAnswer
}

// firstAnswer is that of one template.
type firstAnswer struct {
	Template string
	Needs    string // that had to be there, as vitrine new --list says
	Steps    []step
	Total    time.Duration
	Fetched  int64 // bytes of packages that its build got from registries
	Problem  string
}

// step is one of the commands that a user is told, and how long it took: of dev, until it serves.
type step struct {
	Command string
	Took    time.Duration
}

// first follows what vitrine new prints, for each template in a home folder of its own.
func first(r *run, args []string) (any, error) {
	dir, err := os.MkdirTemp("", "vitrine-first-")
	if err != nil {
		return nil, err
	}
	defer removeAll(dir)
	only := r.flags.String("templates", "", "the templates, with commas between them; all when empty")
	if err := r.parse(args, dir); err != nil {
		return nil, err
	}
	if r.binary, err = filepath.Abs(r.binary); err != nil {
		return nil, err
	}
	list, err := exec.Command(r.binary, "new", "--list").Output()
	if err != nil {
		return nil, err
	}
	out := &firstAnswers{}
	for line := range strings.Lines(string(list)) {
		name := strings.Fields(line)[0]
		if *only != "" && !slices.Contains(strings.Split(*only, ","), name) {
			continue
		}
		_, needs, _ := strings.Cut(strings.TrimSpace(line), "; needs ")
		f := &firstAnswer{Template: name, Needs: needs}
		out.Templates = append(out.Templates, f)
		u := &user{vitrine: r.binary, dir: filepath.Join(dir, name), first: f}
		if err := u.follow(); err != nil {
			f.Problem = err.Error()
		}
		progress("%s: %s", name, f)
		removeAll(u.dir)
	}
	return out, nil
}

// removeAll is os.RemoveAll for folders with a cache of Go modules, which nobody may write to.
func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}

// user is one who has never built anything on this machine: a home with empty caches.
type user struct {
	vitrine string
	dir     string // of all that the user has
	at      string // the working folder
	env     []string
	first   *firstAnswer
}

// move makes the home. What says where npm's packages are from is the machine's.
func (u *user) move() error {
	home := filepath.Join(u.dir, "home")
	for _, dir := range []string{filepath.Join(u.dir, "bin"), home} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := os.Symlink(u.vitrine, filepath.Join(u.dir, "bin", "vitrine")); err != nil {
		return err
	}
	old, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "XDG_") || strings.HasPrefix(name, "VITRINE_") || strings.HasPrefix(name, "CARGO_") ||
			slices.Contains([]string{"HOME", "PATH", "GOPATH", "GOCACHE", "GOMODCACHE", "GOFLAGS", "npm_config_cache"}, name) {
			continue
		}
		u.env = append(u.env, v)
	}
	u.env = append(u.env, "HOME="+home, "PATH="+filepath.Join(u.dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, file := range map[string]string{"RUSTUP_HOME": ".rustup", "npm_config_userconfig": ".npmrc"} { // what the machine has
		if os.Getenv(name) == "" {
			u.env = append(u.env, name+"="+filepath.Join(old, file))
		}
	}
	u.at = home
	return nil
}

// follow does what the user is told.
func (u *user) follow() error {
	if err := u.move(); err != nil {
		return err
	}
	said, err := u.do("vitrine new " + u.first.Template + " shop")
	if err != nil {
		return err
	}
	var server *process
	defer func() {
		if server != nil {
			_ = server.stop()
		}
	}()
	for _, found := range regexp.MustCompile(`(?m)^  (\S.*)$`).FindAllStringSubmatch(said, -1) {
		command, _, _ := strings.Cut(found[1], "   #")
		switch word, rest, _ := strings.Cut(strings.TrimSpace(command), " "); {
		case word == "cd":
			u.at = filepath.Join(u.at, rest)
		case strings.HasPrefix(command, "vitrine dev"):
			if server, err = u.serve(command); err != nil {
				return err
			}
		case word == "curl":
			if err := u.ask(server, rest); err != nil {
				return err
			}
		default:
			text, err := u.do(command)
			if err != nil {
				return err
			}
			if strings.HasPrefix(command, "vitrine run") && !strings.Contains(text, "command run") {
				return fmt.Errorf("%s prints no trace: %s", command, text)
			}
		}
	}
	for _, s := range u.first.Steps {
		u.first.Total += s.Took
	}
	if server != nil {
		_ = server.stop()
		server = nil
	}
	if _, err := u.do("vitrine test"); err != nil {
		return err
	}
	u.first.Fetched = u.fetched()
	return nil
}

// do runs a command by a shell, and returns what it has printed.
func (u *user) do(command string) (string, error) {
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = u.at, u.env, &out, &out
	begun := time.Now()
	if err := children.start(cmd); err != nil {
		return "", err
	}
	err := cmd.Wait()
	u.first.Steps = append(u.first.Steps, step{command, time.Since(begun)})
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", command, err, out.String())
	}
	return out.String(), nil
}

// serve starts a command that builds and serves, at a free port in place of the one that others may have, and waits until it is ready.
func (u *user) serve(command string) (*process, error) {
	p := &process{cmd: exec.Command("sh", "-c", "exec "+command+" --listen 127.0.0.1:0"), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = u.at, u.env
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	begun := time.Now()
	if err := children.start(p.cmd); err != nil {
		return nil, err
	}
	go p.read(stderr, ready)
	select {
	case p.base = <-ready:
	case <-p.done:
		return nil, fmt.Errorf("%s has ended: %s", command, p.output())
	case <-time.After(15 * time.Minute):
		_ = p.stop()
		return nil, fmt.Errorf("%s is not ready after 15 minutes: %s", command, p.output())
	}
	u.first.Steps = append(u.first.Steps, step{command, time.Since(begun)})
	return p, nil
}

// ask sends the request of a command line of curl, and waits until its trace is printed.
func (u *user) ask(server *process, line string) error {
	_, path, ok := strings.Cut(strings.Trim(line, "'"), ":3000")
	if server == nil || !ok {
		return fmt.Errorf("curl %s: what should answer is not known", line)
	}
	begun := time.Now()
	resp, err := http.Get(server.base + path)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("curl %s: %s", line, resp.Status)
	}
	route, _, _ := strings.Cut(path, "?")
	for !strings.Contains(server.output(), "\nGET / "+route) {
		if time.Since(begun) > time.Minute {
			return fmt.Errorf("curl %s is answered and not traced: %s", line, server.output())
		}
		time.Sleep(5 * time.Millisecond)
	}
	u.first.Steps = append(u.first.Steps, step{"curl " + line, time.Since(begun)})
	return nil
}

// fetched is the size of the packages in the user's caches, as they came.
func (u *user) fetched() (bytes int64) {
	for _, dir := range []string{"go/pkg/mod/cache/download", ".cargo/registry/cache", ".npm/_cacache/content-v2"} {
		_ = filepath.WalkDir(filepath.Join(u.dir, "home", dir), func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					bytes += info.Size()
				}
			}
			return nil
		})
	}
	return bytes
}

// String is a line for people.
func (f *firstAnswer) String() string {
	if f.Problem != "" {
		return f.Problem
	}
	var steps []string
	for _, s := range f.Steps {
		steps = append(steps, fmt.Sprintf("%s %.1f s", s.Command, s.Took.Seconds()))
	}
	return fmt.Sprintf("traced after %.1f s: %s", f.Total.Seconds(), strings.Join(steps, ", "))
}

// took is how long the steps with these commands took; empty: there are none.
func (f *firstAnswer) took(commands ...string) string {
	var d time.Duration
	for _, s := range f.Steps {
		if slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(s.Command, c) }) {
			d += s.Took
		}
	}
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// String is a table in Markdown.
func (f *firstAnswers) String() string {
	var b strings.Builder
	b.WriteString("| template | has to be there | fetched | `new` | `dev` or `build`, until ready | the request or `run`, until traced | all | `test` |\n|---|---|---|---|---|---|---|---|\n")
	for _, t := range f.Templates {
		if t.Problem != "" {
			fmt.Fprintf(&b, "| %s | %s | | | | failed: %s | | |\n", t.Template, t.Needs, strings.Join(strings.Fields(t.Problem), " "))
			continue
		}
		fetched := "nothing"
		if t.Fetched > 0 {
			fetched = fmt.Sprintf("%.1f MB", float64(t.Fetched)/1e6)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %.1f s | %s |\n", t.Template, t.Needs, fetched, t.took("vitrine new"), t.took("vitrine dev", "vitrine build"),
			t.took("curl", "vitrine run"), t.Total.Seconds(), t.took("vitrine test"))
	}
	return b.String()
}
