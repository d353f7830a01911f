package cm

// LimitError says that a guest was refused something because a limit of its operator's was reached, where no trap says so:
// the interface has an error for it. A host function returns it below the [ResultError] that the guest gets ([FailFor]).
// Its call then ends well, and End.Limit tells whoever watches.
type LimitError struct {
	Limit  string // by its key in the workload: "files"; of the host's own: componentSize, typeGraph, codeComplexity
	Detail string // for people: "256 files and folders are open"
}

// Error is "files: 256 files and folders are open".
func (e *LimitError) Error() string { return e.Limit + ": " + e.Detail }

// Limited is err, of which [errors.As] finds a *LimitError, too: it comes of a bound that the host has by itself, such as
// that of a component's size.
func Limited(limit string, err error) error {
	return &limited{err, &LimitError{Limit: limit, Detail: err.Error()}}
}

type limited struct {
	error
	limit *LimitError
}

func (l *limited) Unwrap() []error { return []error{l.error, l.limit} }
