package cm

// LimitError says that a guest was refused something because a limit of the operator's was reached. Its interface reports this
// by an error of WIT, without a trap. A host function returns it as the cause of the [ResultError] that the guest gets ([FailFor]).
// The call's outcome is OK then, and End.Limit has the limit.
type LimitError struct {
	Limit  string // by its key in the workload: "files"; of the host's own: componentSize, typeGraph, codeComplexity
	Detail string // for people: "256 files and folders are open"
}

// Error is "files: 256 files and folders are open".
func (e *LimitError) Error() string { return e.Limit + ": " + e.Detail }

// Limited wraps err with a *LimitError, for limits of the host's own, such as that of a component's size.
func Limited(limit string, err error) error {
	return &limited{err, &LimitError{Limit: limit, Detail: err.Error()}}
}

type limited struct {
	error
	limit *LimitError
}

func (l *limited) Unwrap() []error { return []error{l.error, l.limit} }
