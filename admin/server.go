package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Times and sizes of the server. A profile may take as long as its request says.
const (
	headTime    = 5 * time.Second
	idleTime    = time.Minute
	maxHead     = 16 << 10
	closingTime = 2 * time.Second
)

// Serve answers on a listener until ctx ends; then it closes the listener, and connections within two seconds. It returns nil then, and else
// why it could not go on.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headTime, ReadTimeout: 2 * headTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHead,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
	defer cancel()
	if s.Shutdown(closing) != nil {
		_ = s.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
