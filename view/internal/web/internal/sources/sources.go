// Package sources says what the page's bundle is made from.
package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Digest is a digest of all files that the bundle in dist is made from, below the folder of package web.
func Digest(dir string) (string, error) {
	files := []string{"package.json", "package-lock.json", "tsconfig.json", "bundle/main.go"}
	err := filepath.WalkDir(filepath.Join(dir, "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return "", err
	}
	slices.Sort(files)
	all := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(all, "%s %d\n%s\n", name, len(text), text)
	}
	return hex.EncodeToString(all.Sum(nil)) + "\n", nil
}
