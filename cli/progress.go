package cli

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows on a terminal, from the first second on, for how many seconds the step called what has been running; done erases the
// line and waits until it is erased. If w is no terminal it shows nothing, so that the first line of a log is the one with the address.
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
