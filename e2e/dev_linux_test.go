package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDevKeys: on a terminal o opens the viewer in the browser and builds nothing, r builds all, and q ends it; the terminal is as it was then.
func TestDevKeys(t *testing.T) {
	dir, write := devFolder(t, "rust-http-full-p2")
	write("vitrine.yaml", manifestOf("[sh, -c, 'echo building; cp $(cat source) shop.wasm']"))
	browser := filepath.Join(t.TempDir(), "browser")
	opened := filepath.Join(t.TempDir(), "opened")
	if err := os.WriteFile(browser, []byte("#!/bin/sh\necho \"$@\" > "+opened+".tmp && mv "+opened+".tmp "+opened+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := onTerminal(t, dir, []string{"BROWSER=" + browser}, "dev", "--listen", "127.0.0.1:0", "--view=127.0.0.1:0", "--view-dir", "off", ".")
	c.see("ready in ", 1)
	c.press("o")
	var page []byte
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var err error
		if page, err = os.ReadFile(opened); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no browser was opened:\n%s", c.text())
		}
	}
	if url := strings.TrimSpace(string(page)); !strings.HasPrefix(url, "http://127.0.0.1:") || !strings.Contains(c.text(), "viewer on "+url+"\n") {
		t.Errorf("opened %q:\n%s", url, c.text())
	}
	c.press("r")
	c.see("ready in ", 2)
	if n := strings.Count(c.text(), "| building\n"); n != 2 {
		t.Errorf("built %d times:\n%s", n, c.text())
	}
	c.press("q")
	if status, restored := c.exit(); status != 0 || !restored {
		t.Errorf("exit %d, the terminal is as it was: %v\n%s", status, restored, c.text())
	}
}

// TestDevKeysWithoutViewer: o says how there would be one.
func TestDevKeysWithoutViewer(t *testing.T) {
	dir, _ := devFolder(t, "rust-http-full-p2")
	c := onTerminal(t, dir, nil, "dev", "--listen", "127.0.0.1:0", ".")
	c.see("ready in ", 1)
	c.press("o")
	c.see("there is no viewer: start vitrine dev with --view\n", 1)
	c.press("q")
	if status, restored := c.exit(); status != 0 || !restored {
		t.Errorf("exit %d, the terminal is as it was: %v", status, restored)
	}
}
