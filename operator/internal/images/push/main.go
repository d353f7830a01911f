// Command push builds the images that the chart names, and brings them to a registry: go run -C operator ./internal/images/push --to REGISTRY/vitrine --tag 0.1.0
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/vitrine-wasm/vitrine/artifact"
	"github.com/vitrine-wasm/vitrine/operator/internal/images"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "push:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("push", flag.ContinueOnError)
	to := flags.String("to", "", "where the images go: REGISTRY/PATH, below which each has its name")
	tag := flags.String("tag", "dev", "their tag, and version")
	platforms := flags.String("platform", "linux/amd64,linux/arm64", "for which systems and processors")
	only := flags.String("only", "", "one image alone: vitrine, say")
	authorities := flags.String("certificates", "/etc/ssl/certs/ca-certificates.crt", "the authorities of the web, PEM")
	source := flags.String("source", "", "where the source is, for the label org.opencontainers.image.source")
	signKey := flags.String("sign-key", "", "a private key that signs them, as vitrine keygen makes; its password is in COSIGN_PASSWORD")
	root := flags.String("root", "..", "the folder of the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *to == "" {
		return fmt.Errorf("name the registry with --to")
	}
	o := images.Options{Version: *tag, Source: *source}
	for text := range strings.SplitSeq(*platforms, ",") {
		p, err := v1.ParsePlatform(text)
		if err != nil {
			return fmt.Errorf("--platform: %w", err)
		}
		o.Platforms = append(o.Platforms, *p)
	}
	var err error
	if o.Certificates, err = os.ReadFile(*authorities); err != nil {
		return err
	}
	var key *artifact.PrivateKey
	if *signKey != "" {
		if key, err = artifact.ReadPrivateKey(*signKey, func() ([]byte, error) { return []byte(os.Getenv("COSIGN_PASSWORD")), nil }); err != nil {
			return err
		}
	}
	for _, img := range images.All(*root) {
		if *only != "" && img.Name != *only {
			continue
		}
		built, err := images.Build(ctx, img, o)
		if err != nil {
			return err
		}
		exact, err := images.Push(ctx, built, *to+"/"+img.Name+":"+*tag, key)
		if err != nil {
			return err
		}
		fmt.Println(exact)
	}
	return nil
}
