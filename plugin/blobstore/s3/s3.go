// Package s3 is a backend that keeps objects in a bucket of a server that speaks S3. The key of an object is
// PREFIX/NAMESPACE/WORKLOAD/COMPONENT/CONTAINER/GENERATION/OBJECT, each part escaped where it has other characters than letters, digits and ._-.
//
// S3 knows no containers. One is there while there is a marker, CONTAINER/.container, whose content is the generation: a text that is new with
// each creation. So a container is deleted at once, with its marker, however many objects are left to be removed then; and what is still being
// written to it never shows in a container of the same name that is made afterwards. Reads trust a marker for [trusted], so that they see
// so much later that another process has deleted a container.
package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a grant says: {s3: {endpoint: "https://s3.eu-central-1.amazonaws.com", region: eu-central-1, bucket: shop,
// accessKey: {env: S3_ACCESS_KEY}, secretKey: {file: s3.key}}}.
type Config struct {
	Endpoint     string          `yaml:"endpoint" required:"true" minLength:"1" doc:"The server: https://HOST, or http://HOST:PORT without TLS. It has no password."`
	Bucket       string          `yaml:"bucket" required:"true" minLength:"3" doc:"The bucket, which has to be there. Containers are below it, in folders."`
	Prefix       string          `yaml:"prefix" doc:"What the keys of all objects begin with, with a slash behind it; default nothing."`
	Region       string          `yaml:"region" doc:"The bucket's region; default us-east-1, which servers without regions take, too."`
	AccessKey    workload.Secret `yaml:"accessKey" doc:"Where the user's access key is; without it requests are anonymous."`
	SecretKey    workload.Secret `yaml:"secretKey" doc:"Where the access key's secret is."`
	SessionToken workload.Secret `yaml:"sessionToken" doc:"Where the token of temporary keys is."`
	CA           string          `yaml:"ca" path:"true" doc:"A PEM file of authorities that the server's certificate may be from; default those of the system."`
}

// Type describes the backend to manifests. Its config is a [Config].
func Type() workload.BackendType {
	return workload.BackendType{Name: "s3", Doc: "A bucket of a server that speaks S3.", Config: Config{}, Check: check}
}

func check(config any) (key, problem string) {
	c := config.(Config)
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "endpoint", "want https://HOST or http://HOST:PORT" // err quotes it, with what may be a password
	case u.User != nil:
		return "endpoint", "the URL has a user; leave that out, and say where the keys are: accessKey and secretKey: {env: NAME} or {file: PATH}"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "endpoint", "want no more than https://HOST: the bucket has a key of its own"
	case !validBucket(c.Bucket):
		return "bucket", "want 3 to 63 small letters, digits, dots and hyphens, with a letter or digit at both ends"
	case strings.HasPrefix(c.Prefix, "/") || strings.HasSuffix(c.Prefix, "/") || strings.Contains(c.Prefix, "//") || len(c.Prefix) > maxKey/2:
		return "prefix", "want a short text without slashes at its ends, as in vitrine/blobs"
	case (c.AccessKey == workload.Secret{}) != (c.SecretKey == workload.Secret{}):
		return "secretKey", "want accessKey and secretKey, or neither"
	}
	return "", ""
}

func validBucket(name string) bool {
	alnum := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	for i := range len(name) {
		if !alnum(name[i]) && name[i] != '.' && name[i] != '-' {
			return false
		}
	}
	return len(name) >= 3 && len(name) <= 63 && alnum(name[0]) && alnum(name[len(name)-1]) && !strings.Contains(name, "..")
}

// A server that does not answer costs a call no more than these together. The invocation's deadline counts as well.
const (
	dialTime = 3 * time.Second
	callTime = 10 * time.Second // until an answer's head
	idleTime = 30 * time.Second // between two reads of an object's bytes
	slowest  = 64 << 10         // bytes a second of an upload that are always enough
)

const (
	connections = 100 // at a time; further calls wait for one
	tries       = 3   // of a request, within its time, if the server or the connection fails
	trusted     = time.Second
)

// Backend implements blobstore.Backend.
type Backend struct {
	core      *minio.Core
	transport *http.Transport
	bucket    string
	prefix    string

	mu    sync.Mutex
	known map[string]generation // by the keys of markers
}

var (
	_ blobstore.Backend  = (*Backend)(nil)
	_ backend.Dropper    = (*Backend)(nil)
	_ backend.Persistent = (*Backend)(nil)
	_ backend.Pinger     = (*Backend)(nil)
	_ blobstore.Store    = (*store)(nil)
	_ blobstore.Copier   = (*store)(nil)
)

// New makes a backend for a bucket, and connects to its server when it is needed. It reads secrets at once. The backend must be closed.
func New(c Config) (*Backend, error) {
	if key, problem := check(c); problem != "" {
		return nil, fmt.Errorf("%s: %s", key, problem)
	}
	keys, err := readKeys(c)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(c.CA)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, errors.New("endpoint: this is no URL") // err quotes it
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds: keys, Secure: u.Scheme == "https", Transport: transport, Region: cmp.Or(c.Region, "us-east-1"), MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	b := &Backend{core: core, transport: transport, bucket: c.Bucket, known: map[string]generation{}}
	if c.Prefix != "" {
		b.prefix = c.Prefix + "/"
	}
	return b, nil
}

func readKeys(c Config) (*credentials.Credentials, error) {
	access, err := c.AccessKey.Read()
	if err != nil {
		return nil, fmt.Errorf("accessKey: %w", err)
	}
	secret, err := c.SecretKey.Read()
	if err != nil {
		return nil, fmt.Errorf("secretKey: %w", err)
	}
	token, err := c.SessionToken.Read()
	if err != nil {
		return nil, fmt.Errorf("sessionToken: %w", err)
	}
	if access == "" {
		return credentials.New(&credentials.Static{Value: credentials.Value{SignerType: credentials.SignatureAnonymous}}), nil
	}
	return credentials.NewStaticV4(access, secret, token), nil
}

func newTransport(ca string) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: callTime,
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: 90 * time.Second,
		DisableCompression: true, // objects are what they are
	}
	if ca == "" {
		return t, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s has no certificate in PEM", ca)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}

// Name is the backend's name in grants of programs that add it by name.
func (*Backend) Name() string { return "s3" }

// Persistent implements backend.Persistent.
func (*Backend) Persistent() bool { return true }

// Ping implements backend.Pinger. It asks for a key that is not there: of a HEAD, servers do not say why they refuse it.
func (b *Backend) Ping(ctx context.Context) error {
	body, _, _, err := b.core.GetObject(ctx, b.bucket, b.prefix+marker, minio.GetObjectOptions{})
	if err == nil {
		return body.Close()
	}
	if notFound(err) {
		return nil
	}
	return b.failure(ctx, err)
}

// Close closes the connections that nobody uses.
func (b *Backend) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

// Store implements blobstore.Backend.
func (b *Backend) Store(owner blobstore.Owner) blobstore.Store {
	return &store{b, b.ownerKey(owner)}
}

// dropTime bounds Drop: a workload's end does not wait for a server that is down.
const dropTime = 10 * time.Second

// Drop implements backend.Dropper.
func (b *Backend) Drop(owner blobstore.Owner) {
	ctx, cancel := context.WithTimeout(context.Background(), dropTime)
	defer cancel()
	b.forget()
	// An error leaves the rest to the next workload of the name, whose last binding drops it again.
	_ = b.removeAll(ctx, b.ownerKey(owner))
	b.forget()
}

// store is that of one owner, whose keys begin with dir.
type store struct {
	*Backend
	dir string
}
