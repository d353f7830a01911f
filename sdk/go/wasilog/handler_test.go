package wasilog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// recorder is a logger and what it has logged.
func recorder(options *slog.HandlerOptions) (*Handler, *[]bindings.LogRecord) {
	var got []bindings.LogRecord
	h := NewHandler(options)
	h.emit = func(r bindings.LogRecord) { got = append(got, r) }
	return h, &got
}

// TestHandler has the checks that Go has for handlers. Groups are maps there.
func TestHandler(t *testing.T) {
	var got *[]bindings.LogRecord
	slogtest.Run(t, func(*testing.T) (h slog.Handler) {
		h, got = recorder(nil)
		return h
	}, func(t *testing.T) map[string]any {
		r := (*got)[0]
		var message string
		if err := json.Unmarshal([]byte(*r.Body), &message); err != nil {
			t.Fatal(err)
		}
		all := map[string]any{slog.LevelKey: *r.SeverityText, slog.MessageKey: message}
		if r.Timestamp != nil {
			all[slog.TimeKey] = *r.Timestamp
		}
		if r.Attributes == nil {
			return all
		}
		for _, a := range *r.Attributes {
			var v any
			if err := json.Unmarshal([]byte(a.Value), &v); err != nil {
				t.Fatal(err)
			}
			names := strings.Split(a.Key, ".")
			in := all
			for _, group := range names[:len(names)-1] {
				next, _ := in[group].(map[string]any)
				if next == nil {
					next = map[string]any{}
					in[group] = next
				}
				in = next
			}
			in[names[len(names)-1]] = v
		}
		return all
	})
}

type panics struct{}

func (panics) Error() string { panic("told to") }

type secret struct{}

func (secret) LogValue() slog.Value { return slog.StringValue("hidden") }

type kind string

func TestValues(t *testing.T) {
	itself := []any{nil}
	itself[0] = itself
	var none *kind
	for _, c := range []struct {
		value any
		want  string
	}{
		{"a \"b\"\n", `"a \"b\"\u000a"`}, {"\xff", "\"\uFFFD\""}, {1, "1"}, {uint64(math.MaxUint64), `"18446744073709551615"`}, {uint8(3), "3"}, {2.0, "2.0"}, {math.NaN(), `"NaN"`},
		{float32(0.5), "0.5"}, {true, "true"}, {nil, "null"}, {none, "null"}, {kind("k"), `"k"`}, {time.Second, `"1s"`}, {[]time.Duration{time.Minute}, `["1m0s"]`},
		{time.Unix(0, 5).UTC(), `"1970-01-01T00:00:00.000000005Z"`}, {errors.New("failed"), `"failed"`}, {panics{}, `"!PANIC: told to"`}, {[]any{panics{}, 1}, `["!PANIC: told to",1]`},
		{[]byte{1, 2}, `"data:application/octet-stream;base64,AQI="`}, {[]string{"a", "b"}, `["a","b"]`}, {map[string]any{"b": 1, "a": []int{2}}, `{"a":[2],"b":1}`},
		{map[int]int{1: 2}, `"map[1:2]"`}, {struct{ A, b int }{1, 2}, `"{A:1 b:2}"`}, {netip.MustParseAddr("::1"), `"::1"`}, {secret{}, `"hidden"`}, {[]any{secret{}}, `["hidden"]`},
		{itself, strings.Repeat("[", 32) + `"[]interface {}"` + strings.Repeat("]", 32)},
	} {
		h, got := recorder(nil)
		slog.New(h).Info("m", "v", c.value)
		if v := (*(*got)[0].Attributes)[0].Value; v != c.want {
			t.Errorf("%v: %s, want %s", fmt.Sprintf("%T", c.value), v, c.want)
		}
	}
}

func TestLevels(t *testing.T) {
	h, got := recorder(&slog.HandlerOptions{Level: slog.Level(-100)})
	for level, want := range map[slog.Level]uint8{-100: 1, slog.LevelDebug: 5, slog.LevelInfo: 9, slog.LevelInfo + 1: 10, slog.LevelWarn: 13, slog.LevelError: 17, 100: 24} {
		*got = nil
		slog.New(h).Log(context.Background(), level, "m")
		if n := *(*got)[0].SeverityNumber; n != want {
			t.Errorf("%s is %d, want %d", level, n, want)
		}
	}
	if plain := NewHandler(nil); plain.Enabled(context.Background(), slog.LevelError) || plain.Handle(context.Background(), slog.Record{}) != nil {
		t.Error("without a host something is logged")
	}
	info, _ := recorder(nil)
	if info.Enabled(context.Background(), slog.LevelDebug) || !info.Enabled(context.Background(), slog.LevelInfo) {
		t.Error("the level is not Info")
	}
}

func TestOptions(t *testing.T) {
	h, got := recorder(&slog.HandlerOptions{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch strings.Join(append(groups, a.Key), ".") {
		case "g.secret":
			return slog.Attr{}
		case "g.in.n":
			return slog.Int("n", 2)
		}
		return a
	}})
	log := slog.New(h).WithGroup("g").With("secret", "x", "first", 1)
	one, two := log.With("other", 1), log.With("other", 2) // which share nothing
	one.Info("m", slog.Group("in", "n", 1))
	two.Info("m")
	_, file, _, _ := runtime.Caller(0)
	text := fmt.Sprint(*(*got)[0].Attributes)
	if !strings.HasPrefix(text, "[{g.first 1} {g.other 1} {g.in.n 2} {code.file.path \""+file+"\"} {code.line.number ") || !strings.Contains(text, "wasilog.TestOptions") {
		t.Error(text)
	}
	if text := fmt.Sprint(*(*got)[1].Attributes); !strings.HasPrefix(text, "[{g.first 1} {g.other 2} {code.") {
		t.Error(text)
	}
}
