//go:build unix

package http

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// BenchmarkServeAsync is a whole request that a guest of WASI 0.3 answers with the request's body, in an instance that serves many,
// without telemetry: on one connection, and on several at once, where all processors have something to do. The last guest is one of
// WASI 0.2, which has an instance for each request.
func BenchmarkServeAsync(b *testing.B) {
	for _, guest := range []string{"c-http-p3", "rust-http-p3", "go126-http-async-p3", "js-qjs-hello-http-p3", "rust-http-p2"} {
		for _, job := range []struct{ size, conns int }{{13, 1}, {13, 32}, {1 << 20, 1}} {
			b.Run(fmt.Sprintf("%s/size=%d/conns=%d", guest, job.size, job.conns), func(b *testing.B) {
				first := hosted(b, nil, workload.Component{}, guest)
				var left atomic.Int64
				conns := make([]*echoConn, job.conns)
				for i := range conns {
					c := first
					if i > 0 {
						var err error
						if c, err = net.Dial("tcp", first.RemoteAddr().String()); err != nil {
							b.Fatal(err)
						}
						b.Cleanup(func() { c.Close() })
					}
					if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
						b.Fatal(err)
					}
					conns[i] = newEchoConn(c, job.size)
				}
				all := func(n int64) {
					left.Store(n)
					var wg sync.WaitGroup
					for _, c := range conns {
						wg.Go(func() {
							for left.Add(-1) >= 0 {
								if err := c.ask(); err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
					wg.Wait()
				}
				all(int64(20 * job.conns))
				b.SetBytes(int64(job.size))
				b.ReportAllocs()
				before := processorTime(b)
				b.ResetTimer()
				all(int64(b.N))
				b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// echoConn is a client that sends one request at a time.
type echoConn struct {
	net.Conn
	from    *bufio.Reader
	request []byte
	size    int64
}

func newEchoConn(c net.Conn, size int) *echoConn {
	head := fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: %d\r\n\r\n", size)
	return &echoConn{c, bufio.NewReaderSize(c, 64<<10), append([]byte(head), bytes.Repeat([]byte("x"), size)...), int64(size)}
}

// ask sends the request and reads its answer.
func (c *echoConn) ask() error {
	sent := make(chan error, 1)
	send := func() {
		_, err := c.Write(c.request)
		sent <- err
	}
	if c.size < 64<<10 {
		send()
	} else {
		go send()
	}
	resp, err := http.ReadResponse(c.from, nil)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n != c.size {
		return fmt.Errorf("status %d, %d bytes of %d: %w", resp.StatusCode, n, c.size, err)
	}
	return <-sent
}
