package messaging

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TypeName is the type of the trigger: workload.TriggerSpec.Type, and the key in a manifest.
const TypeName = "messaging"

// Subscription is the config of the trigger in a workload.
type Subscription struct {
	Subject     string        `yaml:"subject" required:"true" doc:"What is listened to: a subject that the component's grants of messaging cover; * stands for one text between dots, > at the end for all that follow."`
	Group       string        `yaml:"group" doc:"Consumers of one group share the messages; without it each gets all of them."`
	Durable     string        `yaml:"durable" doc:"The name under which the broker keeps messages until they are handled; without it they come once at most, and only while the workload runs."`
	Attempts    int           `yaml:"attempts" min:"1" max:"1000" doc:"How often a message of a durable subscription comes at most; 5 by default."`
	Retry       time.Duration `yaml:"retry" doc:"How long a message that was not handled waits before it comes again, the first time; it doubles, up to a minute. 1s by default."`
	DeadLetter  string        `yaml:"deadLetter" doc:"The subject to which messages go that were given up; the component's grants cover it. Without it they are dropped."`
	Concurrency int           `yaml:"concurrency" min:"1" max:"10000" doc:"How many messages are handled at once; 16 by default."`
}

// Type describes the trigger to readers and writers of workloads.
func Type() workload.TriggerType {
	return workload.TriggerType{
		Name: TypeName, Doc: "Messages of a subject, each of them a call.",
		Config: Subscription{}, ComponentDoc: "The component that handles them, by its wasmcloud:messaging/handler.",
		Summary: func(config any) string { return config.(Subscription).Subject },
		Check:   check,
	}
}

func check(ts []workload.TriggerSpec) []workload.TriggerMistake {
	var found []workload.TriggerMistake
	for i := range ts {
		s, _ := ts[i].Config.(Subscription)
		if key, err := s.check(); err != nil {
			found = append(found, workload.TriggerMistake{Trigger: i, Key: key, Problem: err.Error()})
		}
	}
	return found
}

// check finds the first mistake, and the key that has it.
func (s *Subscription) check() (key string, err error) {
	if s.Subject == "" {
		return "subject", errors.New("want a subject, such as orders.new or orders.*")
	}
	if err := messaging.CheckPattern(s.Subject); err != nil {
		return "subject", err
	}
	for key, name := range map[string]string{"group": s.Group, "durable": s.Durable} {
		if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return key, errors.New("want at most 64 letters, digits, - and _")
		}
	}
	if s.DeadLetter != "" {
		if err := messaging.CheckSubject(s.DeadLetter); err != nil {
			return "deadLetter", err
		}
		if messaging.Covers(s.Subject, s.DeadLetter) {
			return "deadLetter", errors.New("it is among the subjects that are listened to: a message that is given up would come again")
		}
	}
	switch {
	case s.Attempts != 0 && s.Durable == "":
		return "attempts", errors.New("the key is for a durable subscription only: without one a message comes once")
	case s.Retry != 0 && s.Durable == "":
		return "retry", errors.New("the key is for a durable subscription only: without one a message comes once")
	case s.Retry < 0:
		return "retry", fmt.Errorf("%s: want more than 0", s.Retry)
	}
	return "", nil
}
