package http

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when goroutines of this package are left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	left := ""
	for range 100 {
		if left = leftBehind(); left == "" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

func leftBehind() string {
	buf := make([]byte, 4<<20)
	var left []string
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if !strings.Contains(g, "TestMain") && (strings.Contains(g, "vitrine/trigger/") || strings.Contains(g, "vitrine/wasi/") || strings.Contains(g, "net/http.(*conn)")) {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}
