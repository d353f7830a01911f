package cli

import (
	"context"
	"strings"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// untilEnded waits until ctx ends, or all services of a workload that has nothing else have ended. The error says which have failed.
func untilEnded(ctx context.Context, h host.Host, id workload.ID) error {
	for event, err := range h.Watch(ctx) {
		if err != nil {
			return err
		}
		if event.ID != id {
			continue
		}
		ended := true
		var whys []string
		for _, s := range event.Services {
			ended = ended && s.State.Ended()
			if s.State == workload.ServiceFailed {
				whys = append(whys, s.Component+": "+s.Reason)
			}
		}
		switch {
		case !ended:
		case len(whys) > 0:
			return &Problem{What: "the services of workload " + string(id) + " have ended, and not all of them well", Whys: whys,
				Do: "read what " + failedNames(event.Services) + " wrote last; restart and maxRestarts below spec.services say how often it is tried", Code: ExitFailed}
		default:
			return nil
		}
	}
	return nil
}

func failedNames(services []workload.ServiceStatus) string {
	var names []string
	for _, s := range services {
		if s.State == workload.ServiceFailed {
			names = append(names, s.Component)
		}
	}
	return strings.Join(names, " and ")
}
