package artifact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Defaults of a Config.
const (
	DefaultMaxCache = 4 << 30
	DefaultTagTime  = 2 * time.Second
)

// Config configures a Store. Its zero value is a store without a cache.
type Config struct {
	// CacheDir is the folder in which the store has one of its own; empty: nothing is kept, and nothing can be had offline.
	CacheDir string
	// MaxCache bounds the bytes of the cache; what was used longest ago goes first. 0: DefaultMaxCache.
	MaxCache int64
	// TagTime is how long a registry has to say what a tag stands for, where that is known from before. 0: DefaultTagTime.
	TagTime time.Duration
	// PlainHTTP allows registries without TLS anywhere. Otherwise they are allowed on this machine's loopback only.
	PlainHTTP bool
	// Logger hears of retries, and of what comes from the cache because a registry does not answer. Nil: slog.Default.
	Logger *slog.Logger
	// Progress is told how much of a layer has come or gone, on the goroutine that moves it: several may at once. May be nil.
	Progress func(Progress)
	// UserAgent is what registries are told of the program.
	UserAgent string

	silence  time.Duration  // 0: silence
	keychain authn.Keychain // Docker's when nil
	backoff  time.Duration  // before the second try; 0: firstBackoff
}

// Progress is how much of a layer has been moved. Done begins at 0 again where a layer is moved again.
type Progress struct {
	Digest      string
	Sent        bool  // to the registry
	Done, Total int64 // bytes; Total is what the manifest says
}

// Store takes artifacts from registries, through a cache. It may be used concurrently.
type Store struct {
	cfg       Config
	cache     *cache
	transport *guarded
}

// New makes a store. An error is one of the cache's folder: *UntrustedCacheError, or of the file system.
func New(c Config) (*Store, error) {
	s := &Store{cfg: c}
	if s.cfg.Logger == nil {
		s.cfg.Logger = slog.Default()
	}
	if s.cfg.keychain == nil {
		s.cfg.keychain = logins{authn.DefaultKeychain}
	}
	s.cfg.TagTime = cmp.Or(s.cfg.TagTime, DefaultTagTime)
	s.cfg.backoff = cmp.Or(s.cfg.backoff, firstBackoff)
	base := http.DefaultTransport.(*http.Transport).Clone()
	s.cfg.silence = cmp.Or(s.cfg.silence, silence)
	base.ResponseHeaderTimeout = s.cfg.silence
	s.transport = &guarded{base: base, plain: c.PlainHTTP, silence: s.cfg.silence}
	if c.CacheDir == "" {
		return s, nil
	}
	var err error
	s.cache, err = openCache(c.CacheDir, cmp.Or(c.MaxCache, DefaultMaxCache))
	return s, err
}

// Close closes idle connections.
func (s *Store) Close() { s.transport.base.CloseIdleConnections() }

// Artifact is what a reference stands for. Its bytes are the caller's.
type Artifact struct {
	Reference   Reference // with the digest
	Component   []byte    // a component's bytes; nil for a workload
	Document    []byte    // a workload's document, as it was pushed, JSON; nil for a component
	MediaType   string    // of the layer that they are from
	Annotations map[string]string
	// Key is the fingerprint of the key whose signature was accepted; empty where the policy has no keys.
	Key string
	// Stale says that the registry did not answer, and that the digest is the one that the tag stood for last.
	Stale bool
}

// options are those of a call of the registry's client.
func (s *Store) options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(s.transport), remote.WithAuthFromKeychain(s.cfg.keychain),
		remote.WithUserAgent(s.userAgent()),
		// Tries are counted and spaced here, by ask, for whole operations.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes(), remote.WithRetryPredicate(func(error) bool { return false }),
	}
}

func (s *Store) userAgent() string { return cmp.Or(s.cfg.UserAgent, "vitrine") }

// client is the reference as the registry's client takes it.
func (s *Store) client(r Reference) name.Reference {
	if !s.cfg.PlainHTTP {
		return r.ref
	}
	repo, err := name.NewRepository(r.ref.Context().Name(), name.Insecure)
	if err != nil {
		return r.ref
	}
	if d := r.Digest(); d != "" {
		return repo.Digest(d)
	}
	return repo.Tag(r.ref.Identifier())
}

// Resolve says which digest a reference stands for now, and whether the registry did not answer and it is the one that the tag stood
// for last.
func (s *Store) Resolve(ctx context.Context, ref Reference) (exact Reference, stale bool, err error) {
	if ref.Digest() != "" {
		return ref, false, nil
	}
	before, known := s.cache.tag(ref)
	tctx, tries := ctx, maxTries
	if known {
		var cancel context.CancelFunc
		tctx, cancel = context.WithTimeout(ctx, s.cfg.TagTime)
		defer cancel()
		tries = 1
	}
	raw, err := s.readManifest(tctx, ref, tries)
	if err == nil {
		digest := digestOf(raw)
		s.keep(ctx, s.cache.write(digest, raw))
		s.keep(ctx, s.cache.setTag(ref, digest))
		return ref.At(digest), false, nil
	}
	var answer *RegistryError
	if errors.As(err, &answer) && tctx.Err() != nil && ctx.Err() == nil {
		answer.Status, answer.Err = 0, fmt.Errorf("it has not answered within %s", s.cfg.TagTime)
	}
	if !known || ctx.Err() != nil || !errors.As(err, &answer) || answer.final() || isRefused(err) {
		return Reference{}, false, err
	}
	s.cfg.Logger.WarnContext(ctx, "the registry does not answer: the tag stands for what it stood for last", "reference", ref.String(),
		"digest", before.Digest, "since", before.Time.Format(time.RFC3339), "reason", answer.why())
	return ref.At(before.Digest), true, nil
}

// keep logs that something could not be stored in the cache, which is no reason to fail.
func (s *Store) keep(ctx context.Context, err error) {
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "the cache of artifacts cannot be written", "error", err)
	}
}

// readManifest asks the registry for a manifest.
func (s *Store) readManifest(ctx context.Context, ref Reference, tries int) (raw []byte, err error) {
	err = s.ask(ctx, ref, "read the manifest", tries, func(ctx context.Context) error {
		d, err := remote.Get(s.client(ref), s.options(context.WithValue(ctx, mostKey{}, int64(maxManifest)))...)
		if err == nil {
			raw = d.Manifest
			return nil
		}
		var had string // the client compares the digests, and its error has no type
		if _, other := fmt.Sscanf(err.Error(), "manifest digest: %q does not match", &had); other == nil {
			return &IntegrityError{ref.String(), "the manifest", ref.Digest(), had}
		}
		return err
	})
	if errors.Is(err, errLarge) {
		return nil, &FormatError{ref.String(), "the manifest is larger than " + strconv.Itoa(maxManifest) + " bytes"}
	}
	return raw, err
}

// manifestOf returns the manifest of a reference with a digest, from the cache or the registry.
func (s *Store) manifestOf(ctx context.Context, ref Reference) (*manifest, []byte, error) {
	raw, ok := s.cache.read(ref.Digest(), maxManifest)
	if !ok {
		var err error
		if raw, err = s.readManifest(ctx, ref, maxTries); err != nil {
			return nil, nil, err
		}
		s.keep(ctx, s.cache.write(ref.Digest(), raw))
	}
	m, err := parseManifest(ref.String(), raw)
	return m, raw, err
}

// Fetch returns what a reference stands for, if policy accepts it; nil accepts everything. Errors are of the types of this package, or
// the context's.
func (s *Store) Fetch(ctx context.Context, ref Reference, policy *Policy) (*Artifact, error) {
	exact, stale, err := s.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	out := &Artifact{Reference: exact, Stale: stale}
	if policy != nil {
		if out.Key, err = s.Verify(ctx, exact, policy); err != nil {
			return nil, err
		}
	}
	m, _, err := s.manifestOf(ctx, exact)
	if err != nil {
		return nil, err
	}
	out.Annotations = m.Annotations
	if doc, ok := m.isWorkload(); ok {
		if m, _, err = s.manifestOf(ctx, exact.At(doc.Digest)); err != nil {
			return nil, err
		}
	}
	if m.isDocument() {
		if len(m.Layers) != 1 || m.Layers[0].MediaType != typeWorkload || m.Layers[0].Size > maxDocument {
			return nil, &FormatError{exact.String(), "the workload's document is not one layer of type " + typeWorkload}
		}
		out.MediaType = typeWorkload
		out.Document, err = s.blob(ctx, exact, m.Layers[0])
		return out, err
	}
	layer, err := m.layer(exact.String())
	if err != nil {
		return nil, err
	}
	out.MediaType = layer.MediaType
	out.Component, err = s.blob(ctx, exact, layer)
	return out, err
}

// blob returns the bytes of a layer, from the cache or the registry.
func (s *Store) blob(ctx context.Context, ref Reference, d descriptor) ([]byte, error) {
	if b, ok := s.cache.read(d.Digest, d.Size); ok && int64(len(b)) == d.Size {
		return b, nil
	}
	var b []byte
	err := s.ask(ctx, ref, "read the layer", maxTries, func(ctx context.Context) (err error) {
		b, err = s.download(ctx, ref, d)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.keep(ctx, s.cache.write(d.Digest, b))
	return b, nil
}

// download reads a layer once.
func (s *Store) download(ctx context.Context, ref Reference, d descriptor) ([]byte, error) {
	l, err := remote.Layer(s.client(ref).Context().Digest(d.Digest), s.options(ctx)...)
	if err != nil {
		return nil, err
	}
	r, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := &grown{bytes: []byte{}, most: d.Size + 1}
	_, err = io.Copy(b, &counting{r: io.LimitReader(r, d.Size+1), at: Progress{Digest: d.Digest, Total: d.Size}, tell: s.cfg.Progress})
	switch n := int64(len(b.bytes)); {
	case n < d.Size && isCut(err):
		return nil, err
	case n != d.Size:
		had := strconv.FormatInt(n, 10) + " bytes"
		if n > d.Size {
			had = "more"
		}
		return nil, &IntegrityError{ref.String(), "the layer", strconv.FormatInt(d.Size, 10) + " bytes", had}
	}
	if had := digestOf(b.bytes); had != d.Digest {
		return nil, &IntegrityError{ref.String(), "the layer", d.Digest, had}
	}
	return b.bytes, nil
}

// grown has what was written. The size that a manifest says is not to be believed at once, and what has come is not to be there several times: so it
// grows in few, large steps, the last of which is to the whole size.
type grown struct {
	bytes []byte
	most  int64
}

const (
	firstGrown = 1 << 20
	eachGrown  = 32
)

func (g *grown) Write(p []byte) (int, error) {
	if need := len(g.bytes) + len(p); need > cap(g.bytes) {
		to := max(int64(cap(g.bytes))*eachGrown, firstGrown)
		if to > firstGrown && to*2 > g.most {
			to = g.most
		}
		g.bytes = append(make([]byte, 0, max(to, int64(need))), g.bytes...)
	}
	g.bytes = append(g.bytes, p...)
	return len(p), nil
}

// counting tells how much was read.
type counting struct {
	r    io.Reader
	at   Progress
	tell func(Progress)
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.at.Done += int64(n)
	if c.tell != nil && n > 0 {
		c.tell(c.at)
	}
	return n, err
}
