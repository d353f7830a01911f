package host

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Health is whether a backend of a plugin can be used, as calls and connections have found it. The plugin that has the backend makes one for
// it, tells it what they met, and registers it with each binding that uses the backend ([Binding.Uses]): from there the host's status, its
// log, and its observer have it. The zero Health is that of a backend that is up. Safe for concurrent use.
type Health struct {
	isDown atomic.Bool // as state.Down(), for calls that succeed, which are nearly all

	mu    sync.Mutex // taken before a Local's
	state workload.BackendState
	uses  []*backendUse
}

// Up notes that the backend has answered. It costs little where that is no news.
func (h *Health) Up() {
	if h.isDown.Load() {
		h.change("")
	}
}

// Down notes that the backend could not be used, with one of the reasons of [workload.BackendState]. The first failure counts: reasons and times of
// later ones are not noted until the backend is up.
func (h *Health) Down(reason string) { h.change(reason) }

// State is the state now.
func (h *Health) State() workload.BackendState {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

func (h *Health) change(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state.Down() == (reason != "") {
		return
	}
	h.state = workload.BackendState{Error: reason, Since: time.Now()}
	h.isDown.Store(h.state.Down())
	var told []*Local
	for _, u := range h.uses { // with the lock, so that changes are told in their order
		if u.host == nil {
			continue
		}
		if !slices.Contains(told, u.host) {
			told = append(told, u.host)
			h.log(u.host)
		}
		u.host.tellBackend(u.workload, u.status, h.state)
	}
}

// maxUsers bounds the users in a line of the log.
const maxUsers = 8

// log has a line for a change, however many use the backend. h.mu is held.
func (h *Health) log(to *Local) {
	var users []string
	var backend string
	for _, u := range h.uses {
		if u.host != to {
			continue
		}
		backend = u.status.Kind + " " + u.status.Backend
		if len(users) < maxUsers {
			users = append(users, string(u.workload)+"/"+u.status.Component+" "+u.status.Grant)
		}
	}
	if h.state.Down() {
		to.log.Warn("a backend is down: calls fail until it is there again", "backend", backend, "for", strings.Join(users, ", "), "reason", h.state.Error)
	} else {
		to.log.Info("a backend is up again", "backend", backend, "for", strings.Join(users, ", "))
	}
}

// backendUse is a grant of a component that is served by a backend.
type backendUse struct {
	host     *Local // that is told; nil where the workload was only checked
	workload workload.ID
	status   workload.BackendStatus // but for its State
	health   *Health
}

// use adds a user until stop is called.
func (h *Health) use(u *backendUse) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.uses = append(h.uses, u)
	if u.host != nil {
		u.host.tellBackend(u.workload, u.status, h.state)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.uses = slices.DeleteFunc(h.uses, func(other *backendUse) bool { return other == u })
	}
}
