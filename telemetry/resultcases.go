package telemetry

import (
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// resultCases names the cases of a WIT result: ok or error, and the error's own case. Payloads, the guest's data, are never recorded.
type resultCases struct{ cases []string }

// Values of vitrine.result.
const (
	resultOK    = "ok"
	resultError = "error"
)

// newResultCases is nil for a function that does not return a result<_, _>.
func newResultCases(t *cm.FuncType) *resultCases {
	if t == nil || t.Result == nil || t.Result.Kind != cm.KindResult {
		return nil
	}
	a := &resultCases{}
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

// errorCase is the name of the error's case, "error" if it has none, and "" for an ok result.
func (a *resultCases) errorCase(results []cm.Val) string {
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

// describe records the results on a span, which is locked.
func (a *resultCases) describe(s *span.Span, results []cm.Val) {
	if a == nil || len(results) == 0 || results[0].IsZero() {
		return
	}
	name := a.errorCase(results)
	if name == "" {
		s.Str(attrResult, resultOK)
		return
	}
	s.Str(attrResult, resultError)
	if a.cases != nil {
		s.Str(attrResultError, name)
	}
}
