// The program connects to the servers that its environment names, by wasi:sockets, and prints what came of it, a line for each case.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasicli"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasinet"
)

func init() { wasicli.Run(run) }

func main() {}

func run(ctx context.Context) error {
	for _, c := range []struct {
		name string
		f    func(context.Context) (string, error)
	}{
		{"tls", overTLS}, {"other authority", otherAuthority}, {"name", byName}, {"stacks that move", movedStacks}, {"echo", echo}, {"deadline", deadline}, {"deadline while reading", deadlineWhileReading},
		{"deadline put off", putOff}, {"write deadline", writeDeadline}, {"close while reading", closeWhileReading}, {"half closed", halfClosed}, {"reset", reset},
		{"refused", dial("REFUSED")}, {"denied", dial("DENIED")}, {"dial deadline", dialDeadline}, {"cancelled", cancelled}, {"nonsense", nonsense},
	} {
		got, err := c.f(ctx)
		if err != nil {
			got = "error: " + err.Error()
		}
		fmt.Printf("%s: %s\n", c.name, got)
	}
	return nil
}

func client(ca string) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca))
	return &http.Client{Transport: &http.Transport{DialContext: wasinet.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
}

func get(c *http.Client, url string) (string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%s %d bytes", resp.Proto, len(body)), err
}

// overTLS has 20 requests at once over one pool.
func overTLS(context.Context) (string, error) {
	c := client(os.Getenv("CA"))
	defer c.CloseIdleConnections()
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range 20 {
		wg.Go(func() {
			got, err := get(c, os.Getenv("TLS"))
			if err != nil {
				got = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			seen[got]++
		})
	}
	wg.Wait()
	return fmt.Sprint(seen), nil
}

func otherAuthority(context.Context) (string, error) {
	_, err := get(client(""), os.Getenv("TLS"))
	var unknown x509.UnknownAuthorityError
	return fmt.Sprint(errors.As(err, &unknown)), nil
}

func open(ctx context.Context) (net.Conn, error) {
	return wasinet.DialContext(ctx, "tcp", os.Getenv("ECHO"))
}

func byName(ctx context.Context) (string, error) {
	_, port, _ := net.SplitHostPort(os.Getenv("ECHO"))
	c, err := wasinet.DialContext(ctx, "tcp4", "localhost:"+port)
	if err != nil {
		return "", err
	}
	defer c.Close()
	return fmt.Sprint(c.RemoteAddr().String() == os.Getenv("ECHO"), " ", c.LocalAddr().(*net.TCPAddr).IP), nil
}

// movedStacks has goroutines wait for the host while the collector gives them smaller stacks: what the host writes must not be on one.
func movedStacks(ctx context.Context) (string, error) {
	_, port, _ := net.SplitHostPort(os.Getenv("ECHO"))
	failures := make(chan error, 50)
	for range cap(failures) {
		go func() {
			grow(60) // the stack is large from here on, and little of it is used
			c, err := wasinet.DialContext(ctx, "tcp4", "localhost:"+port)
			if err == nil {
				err = c.Close()
			}
			failures <- err
		}()
	}
	runtime.Gosched() // all have asked for the address
	runtime.GC()
	over, changed := make(chan bool), make(chan int, 200)
	for range cap(changed) { // these get the memory of the stacks that have moved
		go func() { changed <- watched(60, over) }()
	}
	runtime.Gosched()
	var all error
	for range cap(failures) {
		if err := <-failures; all == nil {
			all = err
		}
	}
	close(over)
	n := 0
	for range cap(changed) {
		n += <-changed
	}
	return fmt.Sprintf("%d words of other stacks have changed", n), all
}

// watched has a stack full of a pattern until it is over, and counts what is no such pattern any more.
//
//go:noinline
func watched(n int, over chan bool) (changed int) {
	var room [64]uint64
	for i := range room {
		room[i] = pattern
	}
	if n == 0 {
		<-over
	} else {
		changed = watched(n-1, over)
	}
	for _, word := range room {
		if word != pattern {
			changed++
		}
	}
	return changed
}

const pattern = 0x5a5a5a5a5a5a5a5a

//go:noinline
func grow(n int) byte {
	var room [512]byte
	if n == 0 {
		return room[511]
	}
	return room[n%512] + grow(n-1)
}

// echo sends 4 MiB while it reads them.
func echo(ctx context.Context) (string, error) {
	c, err := open(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	text := strings.Repeat("0123456789abcdef", 1<<18)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, text)
		sent <- errors.Join(err, c.(interface{ CloseWrite() error }).CloseWrite())
	}()
	got, err := io.ReadAll(c)
	return fmt.Sprint(string(got) == text), errors.Join(err, <-sent)
}

func timedOut(err error) string {
	var timeout net.Error
	return fmt.Sprint(errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &timeout) && timeout.Timeout())
}

func deadline(ctx context.Context) (string, error) {
	c, err := open(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, first := c.Read(make([]byte, 1))
	_, second := c.Read(make([]byte, 1))
	c.SetReadDeadline(time.Time{})
	io.WriteString(c, "x")
	n, third := c.Read(make([]byte, 1))
	return fmt.Sprint(timedOut(first), " ", timedOut(second), " ", n), third
}

func deadlineWhileReading(ctx context.Context) (string, error) {
	c, err := open(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	time.AfterFunc(20*time.Millisecond, func() { c.SetReadDeadline(time.Unix(1, 0)) })
	_, err = c.Read(make([]byte, 1))
	return timedOut(err), nil
}

// putOff has a deadline put off before it comes, while a read waits.
func putOff(ctx context.Context) (string, error) {
	c, err := open(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	begun := time.Now()
	c.SetReadDeadline(begun.Add(100 * time.Millisecond))
	time.AfterFunc(20*time.Millisecond, func() { c.SetReadDeadline(begun.Add(300 * time.Millisecond)) })
	_, err = c.Read(make([]byte, 1))
	return fmt.Sprint(timedOut(err), " ", time.Since(begun) > 250*time.Millisecond), nil
}

// writeDeadline writes to a server that reads nothing.
func writeDeadline(ctx context.Context) (string, error) {
	c, err := wasinet.DialContext(ctx, "tcp", os.Getenv("DEAF"))
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	chunk := make([]byte, 1<<20)
	for n := 0; n < 100; n++ {
		if _, err := c.Write(chunk); err != nil {
			return timedOut(err), nil
		}
	}
	return "all was written", nil
}

func closeWhileReading(ctx context.Context) (string, error) {
	c, err := open(ctx)
	if err != nil {
		return "", err
	}
	time.AfterFunc(20*time.Millisecond, func() { c.Close() })
	_, err = c.Read(make([]byte, 1))
	_, again := c.Write([]byte("x"))
	return fmt.Sprint(errors.Is(err, net.ErrClosed), errors.Is(again, net.ErrClosed), errors.Is(c.Close(), net.ErrClosed)), nil
}

// halfClosed is told to a server that sends before it ends.
func halfClosed(ctx context.Context) (string, error) {
	c, err := open(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	io.WriteString(c, "all of it")
	c.(interface{ CloseWrite() error }).CloseWrite()
	got, err := io.ReadAll(c)
	n, end := c.Read(make([]byte, 1))
	return fmt.Sprintf("%s %d %v", got, n, end), err
}

func reset(ctx context.Context) (string, error) {
	c, err := wasinet.DialContext(ctx, "tcp", os.Getenv("RESET"))
	if err != nil {
		return "", err
	}
	defer c.Close()
	io.WriteString(c, "x")
	_, err = io.ReadAll(c)
	var e *wasinet.Error
	if !errors.As(err, &e) {
		return "", fmt.Errorf("%w: %T", err, err)
	}
	return e.Code, nil
}

func dial(at string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		_, err := wasinet.DialContext(ctx, "tcp", os.Getenv(at))
		var e *wasinet.Error
		if !errors.As(err, &e) {
			return "", err
		}
		return e.Code, nil
	}
}

// dialDeadline connects when the time is over.
func dialDeadline(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	time.Sleep(110 * time.Millisecond)
	_, err := wasinet.DialContext(ctx, "tcp", os.Getenv("ECHO"))
	return fmt.Sprint(errors.Is(err, context.DeadlineExceeded)), nil
}

func cancelled(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err := wasinet.DialContext(ctx, "tcp", os.Getenv("ECHO"))
	return fmt.Sprint(errors.Is(err, context.Canceled)), nil
}

func nonsense(ctx context.Context) (string, error) {
	var all []string
	for _, c := range [][2]string{{"udp", "127.0.0.1:1"}, {"tcp", "127.0.0.1"}, {"tcp", "127.0.0.1:nothing"}, {"tcp6", "127.0.0.1:1"}, {"tcp", "no.such.name.invalid:1"}} {
		conn, err := wasinet.DialContext(ctx, c[0], c[1])
		var op *net.OpError
		all = append(all, fmt.Sprint(conn == nil && errors.As(err, &op)))
	}
	return strings.Join(all, " "), nil
}
