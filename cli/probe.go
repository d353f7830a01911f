package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// probeTime bounds a probe, and maxProbe what it reads of the answer.
const (
	probeTime = 5 * time.Second
	maxProbe  = 64 << 10
)

func (p *process) probe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "probe [ADDR|URL]",
		Short: "Ask a running vitrine whether it is ready",
		Long: `Asks the admin endpoint of a running vitrine whether it is ready, for images without curl: /readyz, or /livez with --live.
ADDR is what --admin was given, HOST:PORT, PORT or unix:PATH; VITRINE_ADMIN if it is left out. A URL with a path is asked as it is.

Exit status: 0 for an answer of status 200, else 1, with the reason on stderr.`,
		Example: "  vitrine probe 9000\n  vitrine probe --live unix:/run/vitrine.sock",
		Args:    cobra.MaximumNArgs(1),
	}
	live := cmd.Flags().Bool("live", false, "ask whether it lives (/livez)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		addr := append(args, p.getenv("VITRINE_ADMIN"))[0]
		if addr == "" {
			return &Problem{What: "there is no address to ask", Why: "none is given, and VITRINE_ADMIN is not set", Do: "vitrine probe ADDR, with the address that --admin was given", Code: ExitUsage}
		}
		path := "/readyz"
		if *live {
			path = "/livez"
		}
		return p.ask(cmd.Context(), addr, path)
	}
	return cmd
}

// ask asks for a path at an address, or for a URL that has one.
func (p *process) ask(ctx context.Context, addr, path string) error {
	transport := &http.Transport{DisableKeepAlives: true}
	target := addr
	switch socket, isSocket := strings.CutPrefix(addr, "unix:"); {
	case isSocket:
		socket, _, _ = strings.Cut(socket, "?")
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
		target = "http://localhost" + path
	case strings.Contains(addr, "://"):
		u, err := url.Parse(addr)
		if err != nil || u.Host == "" { // it may have a password
			return &Problem{What: "the address is no URL", Do: "give http://HOST:PORT, HOST:PORT, PORT or unix:PATH", Code: ExitUsage}
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = path
		}
		target, addr = u.String(), u.Redacted()
	default:
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			host, port = "", addr
		}
		if host == "" || host == "0.0.0.0" || host == "::" {
			host = "127.0.0.1"
		}
		target = "http://" + net.JoinHostPort(host, port) + path
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return &Problem{What: "the address is none", Do: "give http://HOST:PORT, HOST:PORT, PORT or unix:PATH", Code: ExitUsage}
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return &Problem{What: "there is no answer", Where: addr, Why: err.Error(), Do: "look whether vitrine runs there, with --admin", Code: ExitFailed}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProbe))
	if err == nil && resp.StatusCode == http.StatusOK {
		_, err = fmt.Fprintln(p.stdout, text.Printable(strings.TrimSpace(string(body))))
		return err
	}
	return &Problem{What: "it is not ready", Where: addr, Whys: append([]string{resp.Status}, strings.Split(strings.TrimSpace(string(body)), "\n")...), Code: ExitFailed}
}
