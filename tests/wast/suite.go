package wast

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
)

// Files lists the scripts of paths, which are files or folders.
func Files(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, p)
			continue
		}
		var found []string
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".wast") {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		sort.Strings(found)
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no .wast files in %s", strings.Join(paths, ", "))
	}
	return out, nil
}

// RunFiles runs scripts and applies the known gaps. The error is the converter's or the context's; failures are in the report.
func RunFiles(ctx context.Context, conv *Converter, files []string, features ...component.Feature) (*Report, error) {
	gaps, err := Gaps()
	if err != nil {
		return nil, err
	}
	engine, err := component.NewEngine(ctx)
	if err != nil {
		return nil, err
	}
	defer engine.Close(ctx)
	report := &Report{}
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f := &File{Path: path}
		s, err := conv.Convert(ctx, path)
		switch {
		case err == ErrNoTool:
			return nil, err
		case err != nil:
			f.Results = []Result{{Form: "conversion", Outcome: Failed, Why: err.Error()}}
		default:
			f.Results = Run(ctx, engine, s, features...)
		}
		gaps.Apply(f)
		report.Add(f)
	}
	return report, nil
}
