package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifyReady tells the service manager, if there is one (NOTIFY_SOCKET), that the process is ready, and from then on that it lives
// (WATCHDOG_USEC), until ctx ends: a process that drains lives, too.
func notifyReady(ctx context.Context, log *slog.Logger) {
	notify(log, daemon.SdNotifyReady)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		return
	}
	go func() {
		tick := time.NewTicker(interval / 2)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				notify(log, daemon.SdNotifyWatchdog)
			case <-ctx.Done():
				return
			}
		}
	}()
}

// notifyReloading tells the service manager that the process reads its files again; READY says that it has. The time is what a unit of
// Type=notify-reload needs to tell the reload that it asked for from one before it (sd_notify(3)).
func notifyReloading(log *slog.Logger) {
	notify(log, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec())
}

// notifyReloaded tells it that the reload has ended, whether or not it has changed anything.
func notifyReloaded(log *slog.Logger) { notify(log, daemon.SdNotifyReady) }

// notifyStopping tells the service manager that the process is on its way to its end.
func notifyStopping(log *slog.Logger) { notify(log, daemon.SdNotifyStopping) }

func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("the service manager cannot be told", "state", state, "error", err)
	}
}
