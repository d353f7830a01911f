package cli

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells somebody at a terminal what takes so long: from the first second on, a line that counts, and that is
// gone when the returned function is called. A log file is told nothing: there, the first line is the one that counts.
func progress(w io.Writer, what string) (done func()) {
	if !takesEscapes(w, os.Getenv) {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		start := time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		shown := false
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(w, "\r\x1b[K%s … %.0f s", what, time.Since(start).Seconds())
				shown = true
			case <-stop:
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}
