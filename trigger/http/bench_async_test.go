//go:build unix

package http

import (
	"bytes"
	"testing"
	"time"
)

// BenchmarkServeAsync is a whole request that a guest of WASI 0.3 answers with the request's body, in an instance that serves
// many: 13 bytes, on one connection, without telemetry.
func BenchmarkServeAsync(b *testing.B) {
	for _, guest := range []string{"c-http-p3", "rust-http-p3", "go126-http-async-p3", "js-qjs-hello-http-p3"} {
		b.Run(guest, func(b *testing.B) {
			conn := hosted(b, nil, guest)
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				b.Fatal(err)
			}
			request := []byte("POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 13\r\n\r\nhello, world!")
			buf := make([]byte, 4<<10)
			ask := func() {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				for n := 0; ; {
					k, err := conn.Read(buf[n:])
					if err != nil {
						b.Fatal(err)
					}
					if n += k; bytes.HasSuffix(buf[:n], []byte("\r\n0\r\n\r\n")) || bytes.HasSuffix(buf[:n], []byte("\r\n\r\nhello, world!")) {
						return
					}
				}
			}
			for range 50 {
				ask()
			}
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				ask()
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}
