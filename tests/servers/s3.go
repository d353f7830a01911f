package servers

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// s3Server is the path of the server that tests are run against: versitygw, whose buckets are folders.
var s3Server = fromModule("versitygw", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0")

// The only user of the server, and its bucket.
const (
	S3Access = "vitrine-tests"
	S3Secret = "planted-s3-secret"
	S3Bucket = "objects"
)

// S3 is a server of a test, whose buckets are on disk.
type S3 struct {
	Addr string // HOST:PORT
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// StartS3 starts a server with an empty bucket, which ends with the test. args are further arguments, for example "--cert", "x".
func StartS3(t testing.TB, args ...string) *S3 {
	t.Helper()
	if _, err := s3Server(); err != nil {
		t.Skipf("there is no versitygw, and its Go module could not be built: %v", err)
	}
	s := &S3{t: t, dir: t.TempDir(), args: args, Addr: freeAddr(t)}
	for _, dir := range []string{"meta", "data", "data/" + S3Bucket} {
		if err := os.Mkdir(filepath.Join(s.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Start starts a server that was killed, with its buckets.
func (s *S3) Start() {
	s.t.Helper()
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	file, err := s3Server()
	if err != nil {
		s.t.Fatal(err)
	}
	args := append([]string{"--port", "127.0.0.1:" + port, "--quiet", "--keep-alive"}, s.args...)
	s.cmd = exec.Command(file, append(args, "posix", "--sidecar", filepath.Join(s.dir, "meta"), filepath.Join(s.dir, "data"))...)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+S3Access, "ROOT_SECRET_KEY="+S3Secret)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	waitFor(s.t, s.Addr)
}

// Kill ends the server as a machine that fails does. It does nothing where the server has ended.
func (s *S3) Kill() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Error(err)
	}
	_ = s.cmd.Wait() // it says that it was killed
	s.cmd = nil
}
