package telemetry

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// arms names the arm of a WIT result and the case of its error, from the function's type alone. Payloads are never shown:
// they are the guest's data.
type arms struct{ cases []string }

// Values of vitrine.result.
const (
	resultOK    = "ok"
	resultError = "error"
)

// newArms is nil for a function whose result is no result<_, _>.
func newArms(t *cm.FuncType) *arms {
	if t == nil || t.Result == nil || t.Result.Kind != cm.KindResult {
		return nil
	}
	a := &arms{}
	if e := t.Result.Err; e != nil {
		switch e.Kind {
		case cm.KindEnum:
			a.cases = e.Labels
		case cm.KindVariant:
			for _, c := range e.Cases {
				a.cases = append(a.cases, c.Name)
			}
		}
	}
	return a
}

// failure is the name of the error case, "error" where it has none, and "" for an ok result.
func (a *arms) failure(results []cm.Val) string {
	if a == nil || len(results) == 0 || results[0].IsZero() || results[0].Case() == 0 {
		return ""
	}
	if a.cases != nil {
		if e, ok := results[0].Payload(); ok && int(e.Case()) < len(a.cases) {
			return a.cases[e.Case()]
		}
	}
	return "error"
}

// describe tells a span, which is locked, of the results.
func (a *arms) describe(s *span.Span, results []cm.Val) {
	if a == nil || len(results) == 0 || results[0].IsZero() {
		return
	}
	name := a.failure(results)
	if name == "" {
		s.Str(attrResult, resultOK)
		return
	}
	s.Str(attrResult, resultError)
	if a.cases != nil {
		s.Str(attrResultError, name)
	}
}
