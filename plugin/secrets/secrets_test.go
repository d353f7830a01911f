package secrets

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestNotPrinted: what is printed of a secret does not show it, however it is printed.
func TestNotPrinted(t *testing.T) {
	s := secret{&value{"planted"}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "json", s, "store", store{"s": s})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "text", s, "store", store{"s": s})
	data, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{log.String(), string(data)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all = append(all, fmt.Sprintf(verb, s), fmt.Sprintf(verb, s.value), fmt.Sprintf(verb, store{"s": s}), fmt.Sprintf(verb, []any{s}))
	}
	for _, text := range all {
		if strings.Contains(text, "planted") || strings.Contains(text, fmt.Sprintf("%x", "planted")) {
			t.Error(text)
		}
	}
}
