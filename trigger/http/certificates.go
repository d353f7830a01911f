package http

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// CertificateFiles are a certificate for TLS, with those that lead to its root behind it, and its key, both as PEM. They are read again
// when they have changed.
type CertificateFiles struct {
	Cert string `yaml:"cert" path:"true" doc:"The file of the certificate, PEM, with those that lead to its root behind it; from the manifest's folder."`
	Key  string `yaml:"key" path:"true" doc:"The file of its key, PEM; from the manifest's folder."`
}

func (f CertificateFiles) given() bool { return f != CertificateFiles{} }

// check finds a mistake that the names alone show, and the key that has it.
func (f CertificateFiles) check() (key, problem string) {
	switch {
	case f.Cert == "" && f.Key != "":
		return "cert", "the key has no certificate: write tls: {cert: FILE, key: FILE}"
	case f.Cert != "" && f.Key == "":
		return "key", "the certificate has no key: write tls: {cert: FILE, key: FILE}"
	}
	return "", ""
}

// certificate is a certificate of files, as they were when they were last right.
type certificate struct {
	files CertificateFiles
	log   *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]stamp // of the files that current is of, or that could not be used
}

// stamp is what shows that a file has changed.
type stamp struct {
	info fs.FileInfo
	at   time.Time
	size int64
}

func (s stamp) same(o stamp) bool {
	return s.info != nil && o.info != nil && os.SameFile(s.info, o.info) && s.at.Equal(o.at) && s.size == o.size
}

func stampOf(name string) (stamp, error) {
	info, err := os.Stat(name)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info, info.ModTime(), info.Size()}, nil
}

func newCertificate(files CertificateFiles, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads the files. c.mu is held, or nobody else has c.
func (c *certificate) load() error {
	var now [2]stamp
	for i, name := range []string{c.files.Cert, c.files.Key} {
		var err error
		if now[i], err = stampOf(name); err != nil {
			c.seen = now
			return fmt.Errorf("tls: %s: %w", [2]string{"cert", "key"}[i], err)
		}
	}
	c.seen = now
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("tls: the certificate in %s with the key in %s: %w", c.files.Cert, c.files.Key, pemError(err))
	}
	if until := pair.Leaf.NotAfter; time.Now().After(until) {
		c.log.Warn("a certificate has expired: clients refuse it", "file", c.files.Cert, "since", until.Format(time.RFC3339))
	}
	c.current = &pair
	return nil
}

// pemError is an error of crypto/tls, which has no contents of the key.
func pemError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path
	}
	return err
}

// get returns the certificate, read again if the files have changed. Where they cannot be used it stays what it was: the two files may be
// in the middle of a change.
func (c *certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	cert, err1 := stampOf(c.files.Cert)
	key, err2 := stampOf(c.files.Key)
	if err1 == nil && err2 == nil && cert.same(c.seen[0]) && key.same(c.seen[1]) || (err1 != nil || err2 != nil) && c.seen == [2]stamp{} {
		return c.current
	}
	if err1 != nil || err2 != nil {
		c.seen = [2]stamp{}
		c.log.Warn("a certificate cannot be read again; the one from before is used", "error", errors.Join(err1, err2))
		return c.current
	}
	if err := c.load(); err != nil {
		c.log.Warn("a changed certificate cannot be used; the one from before is", "error", err)
		return c.current
	}
	c.log.Info("a certificate was read again", "file", c.files.Cert, "until", c.current.Leaf.NotAfter.Format(time.RFC3339))
	return c.current
}

// certificates are those of a trigger, which its connections choose from.
type certificates struct {
	mu  sync.RWMutex
	all []*certificate
}

func (s *certificates) add(c *certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, c)
}

func (s *certificates) remove(c *certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.Index(s.all, c); at >= 0 {
		s.all = slices.Delete(slices.Clone(s.all), at, at+1)
	}
}

func (s *certificates) some() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.all) > 0
}

// choose is tls.Config.GetCertificate: the first certificate for the name that the client asks for, or else the first.
func (s *certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.RLock()
	all := s.all
	s.mu.RUnlock()
	for _, c := range all {
		if pair := c.get(); hello.SupportsCertificate(pair) == nil {
			return pair, nil
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there is no certificate")
	}
	return all[0].get(), nil
}
