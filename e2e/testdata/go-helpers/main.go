// The component uses the helpers of the SDK for Go: lines by log/slog, values by wasikeyvalue, configuration by wasiconfig.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasiconfig"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/serve"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasikeyvalue"
)

func init() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	for path, f := range map[string]func(io.Writer, *http.Request) error{
		"/log": logs, "/config": config, "/store": store, "/many": many, "/race": race, "/errors": refusals, "/leaves": leaves,
	} {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				fmt.Fprintln(w, "error:", err)
			}
		})
	}
	serve.Handle(nil)
}

func main() {}

// logs logs before and after a wait, in which other requests log.
func logs(_ io.Writer, r *http.Request) error {
	n := r.FormValue("n")
	logger := slog.With("n", n).WithGroup("order")
	logger.Warn("begun", "items", []string{"a", "b"}, slog.Group("price", "amount", 2.5))
	async.Sleep(r.Context(), 20e6)
	logger.Error("failed", "error", errors.New("no room"))
	log.Print("printed ", n)
	return nil
}

func config(w io.Writer, _ *http.Request) error {
	for _, key := range []string{"greeting", "empty", "none", "token"} {
		value, found, err := wasiconfig.Get(key)
		fmt.Fprintf(w, "%s: %q %v %v\n", key, value, found, err)
	}
	all, err := wasiconfig.All()
	fmt.Fprintln(w, all, err)
	return nil
}

func store(w io.Writer, _ *http.Request) error {
	b, err := wasikeyvalue.Open("default")
	if err != nil {
		return err
	}
	defer b.Close()
	say := func(what string, values ...any) { fmt.Fprintf(w, "%s: %s", what, fmt.Sprintln(values...)) }
	_, found, err := b.Get("a")
	say("get", found, err)
	large := strings.Repeat("x", 300_000)
	say("set", b.Set("a", []byte(large)), b.Set("empty", nil))
	value, found, err := b.Get("a")
	say("get", string(value) == large, found, err)
	value, found, err = b.Get("empty")
	say("empty", len(value), value != nil, found, err)
	found, err = b.Exists("a")
	say("exists", found, err)
	say("delete", b.Delete("a"), b.Delete("a"))
	found, err = b.Exists("a")
	say("exists", found, err)
	n, err := b.Increment("n", 5)
	say("increment", n, err)
	n, err = b.Increment("n", -7)
	say("increment", n, err)
	_, err = b.Increment("empty", 1)
	say("increment", err)
	for _, c := range []struct{ old, value []byte }{{[]byte("other"), nil}, {nil, []byte("1")}, {nil, []byte("2")}, {[]byte("1"), []byte{}}, {nil, []byte("3")}, {[]byte{}, []byte("4")}} {
		swapped, err := b.CompareAndSwap("s", c.old, c.value)
		say("swap", swapped, err)
	}
	value, _, err = b.Get("s")
	say("swapped", string(value), err)
	failed := errors.New("failed")
	say("update", b.Update("s", func(value []byte, found bool) ([]byte, error) { return append(value, '5'), nil }), b.Update("s", func([]byte, bool) ([]byte, error) { return nil, failed }) == failed)
	value, _, err = b.Get("s")
	say("updated", string(value), err)
	return nil
}

func many(w io.Writer, _ *http.Request) error {
	b, err := wasikeyvalue.Open("other")
	if err != nil {
		return err
	}
	defer b.Close()
	values := map[string][]byte{}
	var keys []string
	for n := range 2500 {
		key := fmt.Sprint("key", n)
		values[key], keys = []byte(fmt.Sprint(n)), append(keys, key)
	}
	fmt.Fprintln(w, b.SetMany(values))
	got, err := b.GetMany(append(keys, "none")...)
	fmt.Fprintln(w, len(got), string(got["key2499"]), err)
	fmt.Fprintln(w, b.DeleteMany(keys[:500]...))
	seen := map[string]bool{}
	for key, err := range b.Keys() {
		if err != nil {
			return err
		}
		seen[key] = true
	}
	fmt.Fprintln(w, len(seen), seen["key0"], seen["key2499"])
	for range b.Keys() {
		break
	}
	return nil
}

// race is changed by many requests at once.
func race(w io.Writer, _ *http.Request) error {
	b, err := wasikeyvalue.Open("default")
	if err != nil {
		return err
	}
	defer b.Close()
	var all sync.WaitGroup
	var failure error
	for range 10 {
		all.Go(func() {
			if err := b.Update("race", func(value []byte, _ bool) ([]byte, error) { return append(value, '.'), nil }); err != nil {
				failure = err
			}
		})
	}
	all.Wait()
	return failure
}

func refusals(w io.Writer, _ *http.Request) error {
	_, err := wasikeyvalue.Open("none")
	var e *wasikeyvalue.Error
	fmt.Fprintln(w, err, errors.Is(err, wasikeyvalue.ErrNoStore), errors.As(err, &e) && e.Op == "open" && e.Bucket == "none")
	b, err := wasikeyvalue.Open("default")
	if err != nil {
		return err
	}
	fmt.Fprintln(w, b.Close(), b.Close())
	_, _, err = b.Get("a")
	fmt.Fprintln(w, err, errors.Is(err, wasikeyvalue.ErrClosed))
	for key, err := range b.Keys() {
		fmt.Fprintf(w, "%q %v\n", key, err)
	}
	_, err = b.CompareAndSwap("a", nil, nil)
	fmt.Fprintln(w, err)
	return nil
}

// leaves opens and closes many buckets and swaps: nothing may be kept.
func leaves(w io.Writer, _ *http.Request) error {
	for range 3000 {
		b, err := wasikeyvalue.Open("default")
		if err != nil {
			return err
		}
		for _, old := range [][]byte{[]byte("none"), nil} {
			if _, err := b.CompareAndSwap("left", old, []byte("none")); err != nil {
				return err
			}
		}
		b.Close()
	}
	return nil
}
