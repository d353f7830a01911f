package pool

import "fmt"

// state is the state of a member; the package comment draws the transitions.
type state uint8

const (
	made      state = iota // nobody has used it
	ready                  // idle, and as new
	busy                   // at least one seat is taken
	settling               // its last seat was left
	used                   // idle, as its last invocation left it
	resetting              // being reset
	retired                // closed
)

var names = [...]string{"made", "ready", "busy", "settling", "used", "resetting", "retired"}

// String is the state's name in the package comment.
func (s state) String() string { return names[s] }

// next holds, for each state, those that may follow.
var next = [...][]state{
	made:      {ready, busy, retired},
	ready:     {busy, retired},
	busy:      {busy, settling},
	settling:  {ready, used, resetting, retired},
	used:      {resetting, retired},
	resetting: {ready, retired},
	retired:   nil,
}

// become changes the member's state; no other code does. A transition that the package comment does not draw is a bug of this package.
func (m *Member) become(s state) {
	for _, may := range next[m.state] {
		if may == s {
			m.state = s
			return
		}
	}
	panic(fmt.Sprintf("pool: a member that is %s cannot become %s", m.state, s))
}
