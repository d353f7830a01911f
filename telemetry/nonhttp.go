package telemetry

import (
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
)

// startOther opens the span of an event that is no request.
func (h *event) startOther(st *eventState, c *cm.Call) {
	if m, ok := c.Subject.(host.MessageSubject); ok {
		h.startMessage(st, c, m)
		return
	}
	e := &h.nonHTTP
	st.ctx = e.parentContext(c)
	timer, _ := c.Subject.(host.TimerSubject)
	if timer != nil && e.p.m != nil {
		e.p.m.timerMissed.With(e.p.part(h.b.Callee)...).Add(st.ctx, int64(timer.Missed()))
	}
	if e.p.neverSampled(st.ctx) {
		return
	}
	st.span = e.p.tracer.Open(st.ctx, e.tmpl, e.name, c.Start)
	if timer != nil && st.span.IsRecording() {
		due := timer.Scheduled()
		st.span.Str(attrTimerScheduled, due.UTC().Format(time.RFC3339Nano))
		st.span.Float(attrTimerDelay, max(c.Start.Sub(due), 0).Seconds())
		if n := timer.Missed(); n > 0 {
			st.span.Int(attrTimerMissed, int64(n))
		}
	}
	st.ctx = st.span.Start()
	if s, ok := c.Subject.(host.ServiceSubject); ok {
		st.span.SetAttributes(keyRestarts.Int(s.ServiceRestarts()))
	}
}
