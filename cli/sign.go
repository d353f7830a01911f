package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vitrine-wasm/vitrine/artifact"
)

// passwordVariable has the password of an encrypted key, as it has for cosign.
const passwordVariable = "COSIGN_PASSWORD"

func (p *process) sign() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sign REF --key FILE",
		Short: "Sign an artifact in a registry",
		Long: `Signs what REF stands for now, by its digest, and puts the signature into its repository, where vitrine verify and cosign verify find it. Of a workload
each component is signed, too. The key is one of vitrine keygen or of cosign; the password of an encrypted one is in COSIGN_PASSWORD, or asked for.`,
		Example: "  vitrine sign registry.example.com/shop/cart:1.2 --key cosign.key",
		Args:    cobra.ExactArgs(1),
	}
	key := cmd.Flags().String("key", "", "the private key, PEM")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	return p.registryCommand(cmd, func(ctx context.Context, _ *settings, store *artifact.Store, args []string) error {
		ref, err := artifact.ParseReference(args[0])
		if err != nil {
			return err
		}
		if *key == "" {
			return noKey(cmd, "cosign.key")
		}
		private, err := artifact.ReadPrivateKey(*key, p.password)
		if errors.Is(err, errNoPassword) {
			return &Problem{What: "this key cannot be used", Where: *key, Why: "it is encrypted, and there is no password", Do: "set " + passwordVariable + ", or sign from a terminal", Code: ExitUsage}
		}
		if err != nil {
			return err
		}
		start := time.Now()
		exact, err := store.Sign(ctx, ref, private)
		if err != nil {
			return err
		}
		return p.printed(*asJSON, fmt.Sprintf("signed %s in %s", exact, since(start)), map[string]string{"reference": exact.String(), "digest": exact.Digest(), "signer": private.Fingerprint()})
	})
}

func noKey(cmd *cobra.Command, example string) error {
	return &Problem{What: "there is no key", Where: cmd.CommandPath(), Do: "give one: --key " + example + "; vitrine keygen makes a pair", Code: ExitUsage}
}

var errNoPassword = errors.New("the key is encrypted, and there is no password")

// password is that of an encrypted key.
func (p *process) password() ([]byte, error) {
	if value, ok := os.LookupEnv(passwordVariable); ok {
		return []byte(value), nil
	}
	f, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, errNoPassword
	}
	fmt.Fprint(p.stderr, "password of the key: ")
	defer fmt.Fprintln(p.stderr)
	return term.ReadPassword(int(f.Fd()))
}

func (p *process) verify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify REF --key FILE",
		Short: "Say whether an artifact is signed with a key",
		Long: `Looks for a signature of what REF stands for now, by vitrine sign or cosign sign, with one of the public keys in a file. up and run do the same
with --verify-key, or verify: {key: cosign.pub} in the manifest, before they read anything of a component.
Exit status: 0 it is signed; 2 it is not, or not with this key, or the signature is for another artifact; 1 the registry does not say.`,
		Example: "  vitrine verify registry.example.com/shop/cart:1.2 --key cosign.pub",
		Args:    cobra.ExactArgs(1),
	}
	key := cmd.Flags().String("key", "", "the public keys, PEM")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	return p.registryCommand(cmd, func(ctx context.Context, _ *settings, store *artifact.Store, args []string) error {
		ref, err := artifact.ParseReference(args[0])
		if err != nil {
			return err
		}
		if *key == "" {
			return noKey(cmd, "cosign.pub")
		}
		keys, err := artifact.ReadPolicy(*key)
		if err != nil {
			return err
		}
		exact, stale, err := store.Resolve(ctx, ref)
		if err != nil {
			return err
		}
		signer, err := store.Verify(ctx, exact, keys)
		if err != nil {
			return err
		}
		return p.printed(*asJSON, fmt.Sprintf("verified %s: signed with the key %s", exact, signer), map[string]any{"reference": exact.String(), "digest": exact.Digest(), "signer": signer, "stale": stale})
	})
}

func (p *process) keygen() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen [NAME]",
		Short: "Make a pair of keys for sign and verify",
		Long: `Makes a pair of keys, ECDSA on P-256: NAME.key, which signs and which nobody else may read, and NAME.pub, which verifies. NAME is vitrine if it is left out.
With COSIGN_PASSWORD set, the private key is encrypted with it, as cosign does it, and cosign can use it; otherwise it is not encrypted.`,
		Example: "  vitrine keygen shop",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		name := append(args, "vitrine")[0]
		var password []byte
		if value, ok := os.LookupEnv(passwordVariable); ok {
			password = []byte(value)
		}
		private, public, err := artifact.GenerateKey(password)
		if err != nil {
			return err
		}
		if err := writeKey(name+".key", private, 0o600); err != nil {
			return err
		}
		if err := writeKey(name+".pub", public, 0o644); err != nil {
			_ = os.Remove(name + ".key") // half a pair is none
			return err
		}
		return p.printed(false, "wrote "+name+".key and "+name+".pub", nil)
	}
	return cmd
}

// writeKey writes a file that must not exist yet: a key that is overwritten is gone.
func writeKey(name string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return &Problem{What: name + " exists already", Do: "choose another name, or remove it", Code: ExitUsage}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}
