package timer

import (
	"cmp"
	"fmt"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TypeName is the type of the trigger: workload.TriggerSpec.Type, and the key in a manifest.
const TypeName = "timer"

// Schedule is the config of a timer in a workload. One of Every and Cron is set.
type Schedule struct {
	Every    time.Duration `yaml:"every" doc:"The interval; the first run is one interval after the start."`
	Cron     string        `yaml:"cron" doc:"Minute, hour, day of the month, month, day of the week, as in \"*/15 8-18 * * mon-fri\"; in UTC without zone."`
	Zone     string        `yaml:"zone" doc:"The time zone of cron, as Europe/Berlin."`
	Function string        `yaml:"function" doc:"The function that is called, of an interface that the component exports, as shop:jobs/jobs#sweep, or of its world, as sweep; it has no parameters, and an error that it returns is a failure. Without it, wasi:cli/run."`
	Queue    int           `yaml:"queue" min:"0" max:"1000" doc:"How many ticks wait, at most, while a run is under way; more are missed, the oldest first. Without it none waits."`
}

// MinEvery is the shortest interval.
const MinEvery = time.Millisecond

// Type describes the trigger to readers and writers of workloads.
func Type() workload.TriggerType {
	return workload.TriggerType{
		Name: TypeName, Doc: "A run of a command, or a call of a function, at an interval or by a cron expression; runs do not overlap.",
		Config: Schedule{}, ComponentDoc: "The component that is run, by its wasi:cli/run or the function.",
		Summary: func(config any) string {
			s := config.(Schedule)
			if s.Cron == "" {
				return "every " + s.Every.String()
			}
			return "cron " + s.Cron
		},
		Check: check,
	}
}

func check(ts []workload.TriggerSpec) []workload.TriggerMistake {
	var found []workload.TriggerMistake
	for i := range ts {
		s, _ := ts[i].Config.(Schedule)
		if _, key, err := s.ticks(); err != nil {
			found = append(found, workload.TriggerMistake{Trigger: i, Key: key, Problem: err.Error()})
		}
	}
	return found
}

// ticks is what the schedule means. key is where a mistake is, empty for the whole.
func (s *Schedule) ticks() (t ticks, key string, err error) {
	switch {
	case s.Every != 0 && s.Cron != "":
		return nil, "", fmt.Errorf("want every or cron, had both; write a trigger for each")
	case s.Every == 0 && s.Cron == "":
		return nil, "", fmt.Errorf("want every or cron, had neither")
	case s.Queue < 0:
		return nil, "queue", fmt.Errorf("%d: want 0 or more", s.Queue)
	case s.Cron != "":
		return parseCron(s.Cron, s.Zone)
	case s.Zone != "":
		return nil, "zone", fmt.Errorf("the key is for cron only")
	case s.Every < MinEvery:
		return nil, "every", fmt.Errorf("%s: want %s or more", s.Every, MinEvery)
	}
	return interval(s.Every), "", nil
}

// name tells the timers of a component apart, in spans and messages.
func (s *Schedule) name() string {
	if s.Cron == "" {
		return "every " + s.Every.String()
	}
	return s.Cron + " " + cmp.Or(s.Zone, "UTC")
}
