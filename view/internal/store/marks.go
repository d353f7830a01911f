package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Mark is something that has happened to what is watched: its start, a reload.
type Mark struct {
	Time int64  `json:"time"` // nanoseconds since 1970
	Run  int64  `json:"run"`  // as Summary.Run
	Name string `json:"name"` // start, reload
	Text string `json:"text,omitempty"`
}

// Bounds of marks: how many are kept, and how long each of their texts may be, in bytes.
const (
	maxMarks    = 1000
	maxMarkText = 1 << 10
)

// marks are kept in a file beside the segments, one a line.
const marksFile = "marks.jsonl"

// loadMarks reads the marks of earlier runs. Those that are too old or too many are left out, as are damaged lines.
func (s *Store) loadMarks(now time.Time) error {
	f, err := os.Open(filepath.Join(s.cfg.Dir, marksFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var m Mark
		if json.Unmarshal(lines.Bytes(), &m) == nil && m.Time > now.Add(-s.cfg.MaxAge).UnixNano() {
			s.marks = append(s.marks, m)
		}
	}
	s.marks = s.marks[max(0, len(s.marks)-maxMarks/2):]
	return nil // a line that is too long is a damaged one, and the last
}

// Mark keeps a mark of the current run. A time of 0 is now. With an error it is kept for this run only: its file could not be written.
func (s *Store) Mark(m Mark) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.New("the store is closed")
	}
	m.Run = s.run
	if m.Time == 0 {
		m.Time = s.cfg.Now().UnixNano()
	}
	m.Name, m.Text = m.Name[:min(len(m.Name), maxMarkText)], m.Text[:min(len(m.Text), maxMarkText)]
	s.marks = append(s.marks, m)
	s.marks = s.marks[max(0, len(s.marks)-maxMarks):]
	s.notify()
	s.mu.Unlock()
	if err := s.saveMarks(); err != nil { // who reads or appends does not wait for the file
		s.tell(err)
		return err
	}
	return nil
}

// saveMarks writes the file anew: there are few marks, and a line that was written in half would be the next one's beginning.
func (s *Store) saveMarks() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	var b []byte
	for _, m := range s.Marks() { // the latest, whoever came first
		line, err := json.Marshal(m)
		if err != nil {
			return err
		}
		b = append(append(b, line...), '\n')
	}
	path := filepath.Join(s.cfg.Dir, marksFile)
	err := os.WriteFile(path+".new", b, 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		_ = os.Remove(path + ".new") // what there is of it
		return fmt.Errorf("keep marks: %w", err)
	}
	return nil
}

// Marks returns the marks that are there, the oldest first.
func (s *Store) Marks() []Mark {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.marks)
}
