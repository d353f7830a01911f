package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/artifact"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Options about registries.
var (
	plainHTTPOption = option{name: "plain-http", env: "VITRINE_PLAIN_HTTP",
		usage: "ask registries without TLS, also other than on this machine's loopback", example: "--plain-http"}
	verifyKeyOption = option{name: "verify-key", group: groupGrants, env: "VITRINE_VERIFY_KEY", key: componentKey + "verify.key", arg: "FILE",
		usage: "run only images that one of the public keys in FILE, PEM, has signed; files have no signature, and are refused", example: "--verify-key cosign.pub",
		apply: func(c *workload.Component, v []string) error {
			c.Source.Key = v[0]
			_, err := artifact.ReadPolicy(v[0])
			return err
		}}
	registryOptions = []option{plainHTTPOption, cacheOption}
)

// isReference says whether a path is the reference of an artifact, and not of something on the disk.
func isReference(path string) bool {
	if !artifact.IsReference(path) {
		return false
	}
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// registry makes the process's store of artifacts when it is first needed.
func (p *process) registry(s *settings) (*artifact.Store, error) {
	if p.artifacts != nil {
		return p.artifacts, nil
	}
	log := slog.New(&p.held)
	plain, from := s.text("plain-http", "false")
	if err := oneOf(plain, "true", "false"); err != nil {
		return nil, badValue(from, err)
	}
	config := artifact.Config{PlainHTTP: plain == "true", Logger: log, UserAgent: "vitrine/" + buildVersion(), Progress: p.moved.add}
	dir, from := s.text("cache-dir", "")
	if dir == "" {
		if base, err := os.UserCacheDir(); err == nil {
			config.CacheDir = filepath.Join(base, "vitrine")
		}
	} else if dir != "off" {
		config.CacheDir = dir
	}
	var untrusted *artifact.UntrustedCacheError
	store, err := artifact.New(config)
	if err != nil && (dir == "" || errors.As(err, &untrusted)) {
		log.Warn("artifacts are not kept: choose a folder of your own with --cache-dir, or --cache-dir off", "reason", err)
		config.CacheDir = ""
		store, err = artifact.New(config)
	}
	if err != nil {
		return nil, &Problem{What: "cannot use the cache folder " + dir, Where: from, Why: err.Error(), Do: "choose another with --cache-dir, or --cache-dir off", Code: ExitUsage}
	}
	p.artifacts = store
	return store, nil
}

// heldLog keeps what is logged before the console is open, until it is known where they go.
type heldLog struct {
	mu   sync.Mutex
	to   slog.Handler
	held []slog.Record
}

// pass hands on what was held, and everything that follows.
func (h *heldLog) pass(to slog.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.to = to
	for _, r := range h.held {
		if to.Enabled(context.Background(), r.Level) {
			_ = to.Handle(context.Background(), r)
		}
	}
	h.held = nil
}

// unheard says whether records are held for which it is not known where they go.
func (h *heldLog) unheard() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held) > 0
}

// Enabled says whether records of a level are wanted.
func (h *heldLog) Enabled(ctx context.Context, l slog.Level) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.to == nil || h.to.Enabled(ctx, l)
}

// Handle passes a record on, or holds it.
func (h *heldLog) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to == nil {
		h.held = append(h.held, r)
		return nil
	}
	return h.to.Handle(ctx, r)
}

// WithAttrs and WithGroup are for loggers that are derived from it: the store makes none.
func (h *heldLog) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup returns h.
func (h *heldLog) WithGroup(string) slog.Handler { return h }

// policy is that of a file with keys; nil without one.
func policy(file string) (*artifact.Policy, error) {
	if file == "" {
		return nil, nil
	}
	return artifact.ReadPolicy(file)
}

// artifact returns a host's source of components: files, and images by way of the store.
func (p *process) artifact(s *settings) func(context.Context, workload.Source) (*host.Artifact, error) {
	return func(ctx context.Context, source workload.Source) (*host.Artifact, error) {
		if source.Image == "" {
			return host.ReadArtifact(ctx, source)
		}
		a, err := p.fetch(ctx, s, source.Image, source.Key)
		if err != nil {
			return nil, err
		}
		if a.Component == nil {
			return nil, &artifact.FormatError{Reference: a.Reference.String(), Why: "it is a workload, and not one component"}
		}
		return &host.Artifact{Wasm: a.Component, Image: a.Reference.String(), Key: a.Key}, nil
	}
}

// fetch returns what a reference stands for, if it is signed by a key in the file key, which may be empty.
func (p *process) fetch(ctx context.Context, s *settings, reference, key string) (*artifact.Artifact, error) {
	ref, err := artifact.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	keys, err := policy(key)
	if err != nil {
		return nil, err
	}
	store, err := p.registry(s)
	if err != nil {
		return nil, err
	}
	return store.Fetch(ctx, ref, keys)
}

// readReference makes a workload of an artifact: of a component every default, and of a workload what its document says. from is the workload's artifact;
// nil for a component's. What the document names on this machine need not be there.
func (p *process) readReference(ctx context.Context, s *settings, reference string) (w *workload.Spec, from *artifact.Artifact, err error) {
	key, _ := s.text("verify-key", "")
	done := p.progress("fetching " + text.Printable(reference))
	a, err := p.fetch(ctx, s, reference, key)
	done()
	if err != nil {
		return nil, nil, err
	}
	format := p.specFormat(s).Elsewhere()
	if p.alone = a.Component != nil; p.alone {
		// What is started is what has just been looked at, also where the tag moves meanwhile.
		w, err = format.Spec(format.Alone(a.Reference.Name(), v1alpha1.Source{Image: pinned(reference, a.Reference)}), "")
		return w, nil, err
	}
	name, data, err := documentOf(a)
	if err != nil {
		return nil, nil, err
	}
	w, err = format.Parse(name, data)
	return w, a, err
}

// pinned is a reference with the digest that it stands for, and with the tag where it has one, so that it can be seen.
func pinned(reference string, exact artifact.Reference) string {
	ref, err := artifact.ParseReference(reference)
	if err != nil || ref.Digest() != "" {
		return exact.String()
	}
	return ref.String() + "@" + exact.Digest()
}

// readSpec reads the manifest, folder, component or artifact at path and applies the flags and variables. from is the artifact of a workload from a registry,
// whose grants nobody has consented to yet; nil for anything else.
func (p *process) readSpec(ctx context.Context, s *settings, path string) (w *workload.Spec, from *artifact.Artifact, err error) {
	if isReference(path) {
		w, from, err = p.readReference(ctx, s, path)
	} else {
		if _, bare, err := app.Resolve(path); err == nil {
			p.alone = bare
		}
		w, err = p.specFormat(s).Load(path)
	}
	if err != nil {
		return nil, nil, err
	}
	return w, from, s.apply(w)
}

// explainArtifact is for what registries answer, and for what of them is refused.
func explainArtifact(err error) *Problem {
	var reference *artifact.ReferenceError
	var refused *artifact.SignatureError
	var unsigned *host.UnsignedFileError
	var key *artifact.KeyError
	var integrity *artifact.IntegrityError
	var format *artifact.FormatError
	var answer *artifact.RegistryError
	switch {
	case errors.As(err, &reference):
		return &Problem{What: "this is no reference of an artifact", Where: reference.Reference, Why: reference.Why, Code: ExitUsage}
	case errors.As(err, &refused):
		p := &Problem{What: "the artifact is refused: " + map[artifact.Reason]string{
			artifact.Unsigned: "it is not signed", artifact.OtherKey: "it is signed, but not with this key",
			artifact.OtherArtifact: "the signature with this key is for another artifact", artifact.BadSignature: "its signature cannot be read",
		}[refused.Reason], Where: refused.Reference, Why: "the policy asks for a signature with a key of " + refused.Key, Code: ExitUsage}
		p.Do = "have it signed with that key (vitrine sign), or give the public key of those who have signed it"
		return p
	case errors.As(err, &unsigned):
		return &Problem{What: "the component is refused: it is not signed", Where: unsigned.File, Why: "the policy asks for a signature with a key of " + unsigned.Key + ", and a file has none",
			Do: "push and sign it, and run the image; or leave out --verify-key", Code: ExitUsage}
	case errors.As(err, &key):
		return &Problem{What: "this key cannot be used", Where: key.File, Why: key.Why, Do: "vitrine keygen makes a pair of keys", Code: ExitUsage}
	case errors.As(err, &integrity):
		return &Problem{What: "the artifact is damaged", Where: integrity.Reference, Why: integrity.Error(), Do: "push it again, or look at what is between here and the registry", Code: ExitFailed}
	case errors.As(err, &format):
		return &Problem{What: "the artifact cannot be used", Where: format.Reference, Why: format.Why, Do: "push a component or a workload with vitrine push", Code: ExitUsage}
	case errors.As(err, &answer):
		return registryProblem(answer)
	}
	return nil
}

func registryProblem(answer *artifact.RegistryError) *Problem {
	p := &Problem{What: "cannot " + answer.Doing, Where: answer.Reference, Why: strings.TrimPrefix(answer.Error(), answer.Reference+": cannot "+answer.Doing+": "), Code: ExitFailed}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		p.Code, p.Do = ExitUsage, "log in to the registry with docker login, or ask for the right"
	case http.StatusNotFound:
		p.Code, p.Do = ExitUsage, "correct the reference, or push it first"
	case http.StatusTooManyRequests:
		p.Do = "wait a little, or log in: registries allow more to those they know"
	case 0:
		p.Do = "look whether the registry can be reached from here; what was fetched once starts without it"
		if login := (*artifact.CredentialsError)(nil); errors.As(answer, &login) {
			p.Code, p.Do = ExitUsage, "correct the registry's entry in Docker's config.json (credHelpers, credsStore, auths), or log in with docker login"
		}
		if strings.Contains(p.Why, "without TLS") {
			p.Code, p.Do = ExitUsage, "have the registry speak https, or allow it with --plain-http"
		}
	default:
		p.Do = "try again later"
	}
	return p
}

// registryCommand adds what push, pull, sign and verify share: options, and a store whose records are lines on stderr.
func (p *process) registryCommand(cmd *cobra.Command, do func(ctx context.Context, s *settings, store *artifact.Store, args []string) error) *cobra.Command {
	s := p.options(cmd, slices.Concat(outputOptions[:2], registryOptions))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		level, err := s.level("log-level", "info")
		if err != nil {
			return err
		}
		format, err := s.choice("log-format", "text", "text", "json")
		if err != nil {
			return err
		}
		store, err := p.registry(s)
		if err != nil {
			return err
		}
		defer store.Close()
		p.held.pass(consoleHandler(p.stderr, format, level))
		err = do(ctx, s, store, args)
		if interrupted := interruption(ctx); err != nil && interrupted != nil {
			return interrupted
		}
		return err
	}
	return cmd
}

// since is the time since start to a person.
func since(start time.Time) string { return shortTime(time.Since(start)) }

// printed prints what a command about an artifact has done: a line, or JSON.
func (p *process) printed(asJSON bool, line string, value any) error {
	if asJSON {
		return writeJSON(p.stdout, value)
	}
	_, err := fmt.Fprintln(text.Writer(p.stdout), line)
	return err
}

// rewritten is the manifest of path with the values of flags and variables. That of an artifact names it by its digest.
func (p *process) rewritten(ctx context.Context, s *settings, path string) ([]byte, error) {
	if !isReference(path) {
		return p.ships.format().Rewrite(path, s.apply)
	}
	w, _, err := p.readSpec(ctx, s, path)
	if err != nil {
		return nil, err
	}
	return app.Write(app.FromSpec(w))
}
