package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPoints: by name, time, service and place; only the last of each kind.
func TestPoints(t *testing.T) {
	s, err := Open(context.Background(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now().UnixNano()
	for i := range 3 {
		b := &Batch{Sources: []Source{{Service: "a", Resource: []byte("a")}, {Service: "b", Resource: []byte("b")}}}
		for source := range 2 {
			for _, name := range []string{"x", "y"} {
				b.Points = append(b.Points, Point{Source: source, Time: now + int64(i), Name: name, Encoded: fmt.Append(nil, name, i)})
			}
		}
		if err := s.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	find := func(q PointQuery) (out []string, last Cursor) {
		t.Helper()
		if _, err := s.Points(context.Background(), q, func(p PointRecord) bool {
			out = append(out, p.Source.Service+string(p.Encoded))
			if last.Before(p.At) {
				last = p.At
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		return out, last
	}
	for want, q := range map[string]PointQuery{
		"ax0 bx0 ax1 bx1 ax2 bx2": {Name: "x"},
		"by1 by2":                 {Name: "y", Service: "b", From: now + 1},
		"ay0":                     {Name: "y", Service: "a", To: now},
		"ax2 ay2 bx2 by2":         {Kinds: true},
	} {
		if got, _ := find(q); strings.Join(got, " ") != want {
			t.Errorf("%+v: %v, want %s", q, got, want)
		}
	}
	_, last := find(PointQuery{})
	if got, _ := find(PointQuery{After: last}); len(got) != 0 {
		t.Errorf("after the last one: %v", got)
	}
	n := 0
	if _, err := s.Points(context.Background(), PointQuery{}, func(PointRecord) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("after false there were %d, %v", n, err)
	}
}

// TestMarks: they are there in the next run, unless they are too old, and damaged lines are none.
func TestMarks(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, MaxAge: time.Hour}
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []Mark{{Name: "start"}, {Name: "old", Time: time.Now().Add(-2 * time.Hour).UnixNano()}, {Name: "reload", Text: "shop\n\"<b>"}} {
		changed := s.Changed()
		if err := s.Mark(m); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		default:
			t.Error("nobody is told of a mark")
		}
	}
	run := s.Stats().Run
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Mark(Mark{Name: "late"}); err == nil {
		t.Error("a closed store takes marks")
	}
	f, err := os.OpenFile(filepath.Join(dir, marksFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{half a li"); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if s, err = Open(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all := s.Marks()
	if len(all) != 2 || all[0].Name != "start" || all[1].Text != "shop\n\"<b>" || all[1].Run != run {
		t.Errorf("the marks of the earlier run are %+v", all)
	}
	for range maxMarks + 10 {
		if s.marks = append(s.marks, Mark{Name: "reload"}); len(s.marks) > 2*maxMarks {
			t.Fatal("unbounded")
		}
	}
	if err := s.Mark(Mark{Name: "last"}); err != nil || len(s.Marks()) != maxMarks {
		t.Errorf("%d marks, %v", len(s.Marks()), err)
	}
}

// TestPointsSlowReader: who takes his time with what he gets keeps nobody from the store.
func TestPointsSlowReader(t *testing.T) {
	s, err := Open(context.Background(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one := &Batch{Sources: []Source{{Service: "a"}}, Points: []Point{{Time: 1, Name: "x", Encoded: []byte("x")}}}
	if err := s.Append(one); err != nil {
		t.Fatal(err)
	}
	n := 0
	_, err = s.Points(context.Background(), PointQuery{}, func(PointRecord) bool {
		if !s.segments[0].mu.TryLock() {
			t.Error("the segment is locked")
			return false
		}
		s.segments[0].mu.Unlock()
		_, err := s.Points(context.Background(), PointQuery{}, func(PointRecord) bool { n++; return true })
		return err == nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}
