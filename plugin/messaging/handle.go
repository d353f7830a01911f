package messaging

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/bindings/messaging2"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/bindings/messaging3"
	"github.com/vitrine-wasm/vitrine/wit"
)

// HandleFunc has an instance handle a message. It returns when the guest's work is done. An error of the guest's is a *cm.AnswerError.
type HandleFunc func(ctx context.Context, inst *component.Instance, m *Message) error

// Handler passes messages to components that export one interface.
type Handler struct {
	Export wit.InterfaceID
	Handle HandleFunc
}

// Handlers are the interfaces that this version knows, the preferred first: wasmcloud:messaging/handler 0.3.0 and 0.2.0. The list is the
// caller's own.
func Handlers() []Handler {
	return []Handler{{messaging3.HandlerID, handle3}, {messaging2.HandlerID, handle2}}
}

// The reasons of a guest that did not handle a message: AnswerError.Reason.
const (
	ReasonError  = "error"  // it does not say whether another try may help, as in 0.2.0
	ReasonRetry  = "retry"  // another try may help
	ReasonReject = "reject" // it would not help
)

// refusal is the error of a guest that did not handle a message. The guest's own text is not in it: it may quote the message.
func refusal(reason string) error {
	return &cm.AnswerError{Reason: reason, Detail: "the component did not handle the message (" + reason + ")"}
}

func handle2(ctx context.Context, inst *component.Instance, m *Message) error {
	h, err := messaging2.NewHandlerExport(inst)
	if err != nil {
		return err
	}
	err = h.HandleMessage(ctx, message2(m))
	var fail *cm.ResultError[string]
	if errors.As(err, &fail) {
		return refusal(ReasonError)
	}
	return err
}

func handle3(ctx context.Context, inst *component.Instance, m *Message) error {
	h, err := messaging3.NewHandlerExport(inst)
	if err != nil {
		return err
	}
	err = h.HandleMessage(ctx, message3(m))
	var fail *cm.ResultError[messaging3.HandleMessageError]
	switch {
	case !errors.As(err, &fail):
		return err
	case fail.Value.Tag == messaging3.HandleMessageErrorTagRetry:
		return refusal(ReasonRetry)
	}
	return refusal(ReasonReject)
}
