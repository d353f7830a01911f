//go:build !wasip1

package cabi

import (
	"errors"
	"strings"
	"testing"
)

// TestRoom: what is allocated in a crossing does not overlap, and the room is empty behind the last one.
func TestRoom(t *testing.T) {
	Enter()
	first := Alloc(10, 1)
	if at := Alloc(8, 8); at%8 != 0 || at < first+10 {
		t.Errorf("%d, behind %d", at, first)
	}
	Enter() // another goroutine's, meanwhile
	inner := Alloc(1, 1)
	Leave()
	if at := Alloc(1, 1); at <= inner {
		t.Errorf("%d was given out again", at)
	}
	Leave()
	Enter()
	defer Leave()
	if at := Alloc(10, 1); at != first {
		t.Errorf("the room begins at %d, want %d", at, first)
	}
}

// TestLargeValues: values larger than the room go into more memory, which is used again.
func TestLargeValues(t *testing.T) {
	size := 0
	for n := range 50 {
		for _, length := range []int{100_000, 3_000_000, 10} {
			want := strings.Repeat("x", length)
			Enter()
			at := Alloc(8, 4)
			before := Alloc(4, 4)
			LowerU32(before, 7)
			LowerString(at, want)
			if got := LiftString(at); got != want || LiftU32(before) != 7 {
				t.Fatalf("%d bytes of %d, %d", len(got), length, LiftU32(before))
			}
			Leave()
		}
		if n == 0 {
			size = len(emulated)
		} else if len(emulated) != size {
			t.Fatalf("round %d takes more memory: %d, before %d", n, len(emulated), size)
		}
	}
}

// TestStrings: what is no UTF-8 is repaired, because hosts trap on it.
func TestStrings(t *testing.T) {
	Enter()
	defer Leave()
	for _, c := range []struct{ in, out string }{{"", ""}, {"é😀\x00", "é😀\x00"}, {"a\xffb", "a\ufffdb"}} {
		if got := TakeString(String(c.in)); got != c.out {
			t.Errorf("%q, want %q", got, c.out)
		}
	}
	if Char(0xd800) != 0xfffd || Char('x') != 'x' {
		t.Error("a surrogate is no char")
	}
}

// TestErrors: an error of a WIT type is one of the result, and any other one traps unless the type says nothing.
func TestErrors(t *testing.T) {
	if r := Pack[int, string](1, nil); r.Failed || r.OK != 1 {
		t.Errorf("%+v", r)
	}
	if r := Pack[int, string](1, Fail("no")); !r.Failed || r.Err != "no" {
		t.Errorf("%+v", r)
	}
	if r := Pack[int, struct{}](1, errors.New("any")); !r.Failed {
		t.Errorf("%+v", r)
	}
	if _, err := (Result[int, string]{Err: "no", Failed: true}).Unpack(); err == nil || err.Error() != "no" {
		t.Errorf("%v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an error of another type is passed on")
		}
	}()
	Pack[int, string](1, errors.New("any"))
}
