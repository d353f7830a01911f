// Command bundle makes dist from src, in the folder of package web: the script, parts of it that pages load when they are first shown, a
// style sheet and the page, each compressed, with a digest of its content in its name. It installs the packages that package.json names by npm, outside the checked-in files, if they are not
// there. dist/SOURCES has a digest of all that the result depends on, by which a test finds a stale one without a network.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/vitrine-wasm/vitrine/view/internal/web/internal/sources"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("view/web/bundle: ")
	force := flag.Bool("force", false, "make it also if the sources have not changed")
	flag.Parse()
	if err := bundle(*force); err != nil {
		log.Fatal(err)
	}
}

func bundle(force bool) error {
	digest, err := sources.Digest(".")
	if err != nil {
		return err
	}
	if have, err := os.ReadFile("dist/SOURCES"); err == nil && string(have) == digest && !force {
		return nil // nothing has changed: no packages are needed
	}
	if !installed() {
		npm := exec.Command("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
		npm.Stdout, npm.Stderr = os.Stdout, os.Stderr
		if err := npm.Run(); err != nil {
			return fmt.Errorf("npm ci: %w", err)
		}
	}
	result := api.Build(api.BuildOptions{
		EntryPoints: []string{"src/main.tsx", "src/style.css"}, Outdir: "dist", Bundle: true, Write: false,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		Format: api.FormatESModule, Target: api.ES2022, Charset: api.CharsetUTF8, LegalComments: api.LegalCommentsNone,
		JSX: api.JSXAutomatic, JSXImportSource: "preact", EntryNames: "[name]-[hash]", ChunkNames: "[name]-[hash]", Splitting: true, LogLevel: api.LogLevelWarning,
		Define: map[string]string{"process.env.NODE_ENV": `"production"`},
	})
	if len(result.Errors) > 0 {
		return errors.New("esbuild has failed")
	}
	if err := os.RemoveAll("dist"); err != nil {
		return err
	}
	if err := os.Mkdir("dist", 0o755); err != nil {
		return err
	}
	page, err := os.ReadFile("src/index.html")
	if err != nil {
		return err
	}
	for _, f := range result.OutputFiles {
		name := filepath.Base(f.Path)
		for _, entry := range []string{"main", "style"} {
			if strings.HasPrefix(name, entry+"-") {
				page = bytes.ReplaceAll(page, []byte("{{"+entry+"}}"), []byte(name))
			}
		}
		if err := write(name, f.Contents); err != nil {
			return err
		}
	}
	if err := write("index.html", page); err != nil {
		return err
	}
	return os.WriteFile("dist/SOURCES", []byte(digest), 0o644)
}

// installed says whether the packages are there that package-lock.json names: npm keeps a list of what it has installed.
func installed() bool {
	want, err := os.Stat("package-lock.json")
	if err != nil {
		return false
	}
	have, err := os.Stat("node_modules/.package-lock.json")
	return err == nil && !have.ModTime().Before(want.ModTime())
}

// write writes a compressed file, the same each time.
func write(name string, content []byte) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	fmt.Printf("%s: %d bytes, %d compressed, sha256 %s\n", name, len(content), b.Len(), hex.EncodeToString(sum[:4]))
	return os.WriteFile(filepath.Join("dist", name+".gz"), b.Bytes(), 0o644)
}
