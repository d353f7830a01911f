// Command wastrun runs .wast scripts of the specification's suites against the engine.
//
//	go run ./tests/wast/wastrun [-json] [-v] [-install] [-features LIST] PATH…
//
// It prints a line for each script, under it the failures and reasons, and the sums last; -v lists the skipped commands as well.
// It exits with 1 if anything failed. Scripts are converted by wasm-tools, which -install builds with cargo if it is missing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/wast"
)

func main() {
	asJSON := flag.Bool("json", false, "print the results as JSON")
	verbose := flag.Bool("v", false, "name what was skipped, too")
	install := flag.Bool("install", false, "build wasm-tools with cargo into the cache folder, unless it is there")
	features := flag.String("features", "", "features that components may use, separated by commas: threads, stackful, error-context; or all")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: wastrun [-json] [-v] [-install] [-features LIST] PATH…")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed, err := run(ctx, flag.Args(), parseFeatures(*features), *asJSON, *verbose, *install)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wastrun:", err)
	}
	if err != nil || failed {
		os.Exit(1)
	}
}

func run(ctx context.Context, paths []string, features []component.Feature, asJSON, verbose, install bool) (failed bool, err error) {
	files, err := wast.Files(paths)
	if err != nil {
		return false, err
	}
	conv, err := wast.NewConverter(ctx)
	if err != nil {
		return false, err
	}
	if install {
		if err := conv.Install(ctx, os.Stderr); err != nil {
			return false, err
		}
	}
	report, err := wast.RunFiles(ctx, conv, files, features...)
	if err != nil {
		return false, err
	}
	if asJSON {
		err = report.WriteJSON(os.Stdout)
	} else {
		err = report.WriteText(os.Stdout, verbose)
	}
	return report.Failed > 0, err
}

// parseFeatures reads a list of features; one that there is not is for the engine to refuse.
func parseFeatures(list string) (out []component.Feature) {
	switch list {
	case "":
		return nil
	case "all":
		return component.Features
	}
	for f := range strings.SplitSeq(list, ",") {
		out = append(out, component.Feature(f))
	}
	return out
}
