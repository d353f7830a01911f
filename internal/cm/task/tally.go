package task

import "time"

// Tally adds up what an observed call into a guest has spent outside the callee's own code: what was not in a host
// function, and not in another component, was the guest's own.
type Tally struct {
	host, wait, callees time.Duration // at work and waiting in host functions; in other components
	guest, waits        time.Duration // of callees: in guest code, and waiting
	fuel                uint64        // of callees
	apart               uint64        // of callees on threads of their own
}

// Spent is how a call into a guest has spent its time; see cm.End.
type Spent struct {
	Guest, Host, Wait, Callees time.Duration
	GuestTotal, WaitTotal      time.Duration
	Fuel, FuelTotal            uint64
}

// Split says how long a host function that took so long has worked, and waited: not for longer than all of it.
func Split(took, waited time.Duration) (host, wait time.Duration) {
	wait = min(waited, took)
	return took - wait, wait
}

// AddHost adds a call of a host function that took so long, of which it waited some.
func (t *Tally) AddHost(took, waited time.Duration) {
	if t != nil {
		host, wait := Split(took, waited)
		t.host += host
		t.wait += wait
	}
}

// AddWait adds time in which the callee's own thread was parked.
func (t *Tally) AddWait(d time.Duration) {
	if t != nil {
		t.wait += d
	}
}

// AddCallee adds time that the thread was another component's, which runs on a thread of its own.
func (t *Tally) AddCallee(d time.Duration) {
	if t != nil {
		t.callees += d
	}
}

// AddApart adds what a call of another component has spent that ran on a thread of its own. The time that it took is not
// what it took the caller.
func (t *Tally) AddApart(s *Spent) {
	if t != nil {
		t.guest += s.GuestTotal
		t.waits += s.WaitTotal
		t.apart += s.FuelTotal
	}
}

// Add adds a call of another component that took so long and was spent as s says.
func (t *Tally) Add(took time.Duration, s *Spent) {
	if t == nil {
		return
	}
	t.callees += took
	t.guest += s.GuestTotal
	t.waits += s.WaitTotal
	t.fuel += s.FuelTotal
}

// Spend says how a call that took so long, and used so much fuel with its callees, has spent them. waited is what host
// functions that nobody observes have waited in it.
func (t *Tally) Spend(took, waited time.Duration, fuel uint64) Spent {
	waited = min(waited, t.host)
	s := Spent{Host: t.host - waited, Wait: t.wait + waited, Callees: t.callees, FuelTotal: fuel}
	s.Guest = max(took-s.Host-s.Wait-s.Callees, 0)
	s.GuestTotal, s.WaitTotal = s.Guest+t.guest, s.Wait+t.waits
	s.Fuel = fuel - min(t.fuel, fuel)
	s.FuelTotal += t.apart
	return s
}
