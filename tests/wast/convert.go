package wast

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ToolVersion is the version of wasm-tools that `make conformance` installs.
const ToolVersion = "1.258.0"

// ErrNoTool says that a script has to be converted and that there is no wasm-tools.
var ErrNoTool = errors.New("wasm-tools " + ToolVersion + " is not here: `make conformance` installs it; or name it in VITRINE_WASM_TOOLS")

// Converter turns scripts into commands and binaries, once for each content and tool version.
type Converter struct {
	dir     string // of the cache
	tool    string // path of wasm-tools; empty: none
	version string
}

// CacheDir is the folder of converted scripts, and of the tool if `make conformance` has installed it: VITRINE_WAST_CACHE, else
// one in the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("VITRINE_WAST_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w (set VITRINE_WAST_CACHE)", err)
	}
	return filepath.Join(dir, "vitrine", "wast"), nil
}

// NewConverter looks for the tool: in VITRINE_WASM_TOOLS, in the cache folder, on the PATH. Without a tool, cached scripts can
// still be used.
func NewConverter(ctx context.Context) (*Converter, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	c := &Converter{dir: dir, version: ToolVersion}
	if named := os.Getenv("VITRINE_WASM_TOOLS"); named != "" {
		if c.version, err = toolVersion(ctx, named); err != nil {
			return nil, fmt.Errorf("VITRINE_WASM_TOOLS: %w", err)
		}
		c.tool = named
		return c, nil
	}
	for _, path := range []string{toolPath(toolRoot(dir)), "wasm-tools"} {
		if v, err := toolVersion(ctx, path); err == nil && v == ToolVersion {
			c.tool = path
			break
		}
	}
	return c, nil
}

// Install builds the tool with cargo, from its registry into the cache folder, unless there is one already. The output of cargo
// goes to w.
func (c *Converter) Install(ctx context.Context, w io.Writer) error {
	if c.tool != "" {
		return nil
	}
	root := toolRoot(c.dir)
	cmd := exec.CommandContext(ctx, "cargo", "install", "wasm-tools", "--version", ToolVersion, "--locked", "--root", root)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cargo install wasm-tools %s: %w", ToolVersion, err)
	}
	c.tool = toolPath(root)
	return nil
}

func toolRoot(cache string) string { return filepath.Join(cache, "wasm-tools-"+ToolVersion) }

func toolPath(root string) string { return filepath.Join(root, "bin", "wasm-tools") }

// toolVersion asks wasm-tools for its version.
func toolVersion(ctx context.Context, tool string) (string, error) {
	out, err := exec.CommandContext(ctx, tool, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", tool, err)
	}
	words := strings.Fields(string(out))
	if len(words) < 2 || words[0] != "wasm-tools" {
		return "", fmt.Errorf("%s --version: said %q", tool, out)
	}
	return words[1], nil
}

// Convert returns the commands of a script from the cache, or by running the tool. The error is the tool's message, or
// ErrNoTool.
func (c *Converter) Convert(ctx context.Context, path string) (*Script, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	h.Write([]byte(c.version + "\x00"))
	h.Write(source)
	dir := filepath.Join(c.dir, "scripts", hex.EncodeToString(h.Sum(nil)))
	if s, err := readScript(dir); err == nil {
		return s, nil
	}
	if c.tool == "" {
		return nil, ErrNoTool
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	// Written to a temporary folder and renamed, so that other processes never see half of it.
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(ctx, c.tool, "json-from-wast", path, "-o", filepath.Join(tmp, scriptFile), "--wasm-dir", tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("wasm-tools json-from-wast: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	s, err := readScript(tmp)
	if err != nil {
		return nil, err
	}
	if err := c.texts(ctx, s); err != nil {
		return nil, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, again := readScript(dir); again != nil { // else another process was faster
			return nil, err
		}
	}
	return readScript(dir)
}

// texts converts the modules that a script quotes as text: x.wat to x.wat.wasm, or to nothing if the tool refuses the text.
func (c *Converter) texts(ctx context.Context, s *Script) error {
	for i := range s.Commands {
		cmd := &s.Commands[i]
		if cmd.ModuleType != "text" {
			continue
		}
		wat := filepath.Join(s.dir, filepath.Base(cmd.Filename))
		err := exec.CommandContext(ctx, c.tool, "parse", wat, "-o", wat+textSuffix).Run()
		var refused *exec.ExitError
		if err != nil && !errors.As(err, &refused) {
			return fmt.Errorf("wasm-tools parse: %w", err)
		}
	}
	return nil
}
