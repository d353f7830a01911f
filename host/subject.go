package host

import (
	"net/http"
	"time"
)

// The subjects of events: Invocation.Subject, which is Call.Subject at the Event boundary, is one of these for observers.

// HTTPRequester holds a request: the subject of an HTTP event, and the resource that the handler of a component is given.
type HTTPRequester interface {
	// HTTPRequest is the request as it came; nil where there is none. It must not be changed.
	HTTPRequest() *http.Request
}

// HTTPSubject is a request and its answer. Its methods are safe at any time, also after the invocation has ended.
type HTTPSubject interface {
	HTTPRequester
	// HTTPRoute is the pattern that the request was matched by, low in cardinality; empty where none was.
	HTTPRoute() string
	// HTTPStatus is the answer's status; 0 as long as there is no answer.
	HTTPStatus() int
	// HTTPBodySizes are the bytes of the bodies that have come, read by the guest or not, and that have been sent.
	HTTPBodySizes() (request, response int64)
}

// HTTPClient is what an HTTPSubject may know of a client behind proxies, which are the request's RemoteAddr.
type HTTPClient interface {
	// HTTPClient is the client's IP address, by proxies that are trusted; empty where none has told of one.
	HTTPClient() string
}

// HTTPAnswer is what an HTTPSubject may know of its answer's fields. Its method is safe at any time, also after the invocation has ended.
type HTTPAnswer interface {
	// HTTPAnswerField is the first value of a field of the answer's trailers, once these have been sent, or else of its head; empty where
	// there is none. Names are compared without regard to case.
	HTTPAnswerField(name string) string
}

// MessageSubject is a message that has come. Its methods are safe at any time.
type MessageSubject interface {
	// MessageSystem is the system that brought it, by OpenTelemetry's name (messaging.system).
	MessageSystem() string
	// MessageDestination is the subscription's subject, queue or topic, low in cardinality.
	MessageDestination() string
	// MessageGroup is the group of consumers that share the messages; empty: there is none.
	MessageGroup() string
	// MessageHeader gives the value of a field that came with the message; empty where it has none of that name. Names are lower-case.
	MessageHeader(name string) string
	// MessageSize is the bytes of the body.
	MessageSize() int
	// MessageAttempt is 1 for a message that is brought for the first time, and more for one that was not handled before.
	MessageAttempt() int
}

// ServiceSubject is a run of a service.
type ServiceSubject interface {
	// ServiceRestarts is how often the service was restarted before, since its workload has started.
	ServiceRestarts() int
}

// TimerSubject is a time that has come.
type TimerSubject interface {
	// Scheduled is when the event was due.
	Scheduled() time.Time
	// Missed is how many times have come since the event before this one without an event of their own.
	Missed() int
}
