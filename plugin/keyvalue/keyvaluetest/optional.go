package keyvaluetest

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
)

func exists(t *tester, e keyvalue.Exister) {
	t.set("k", "v")
	t.set("empty", "")
	for key, want := range map[string]bool{"k": true, "empty": true, "other": false} {
		if got, err := e.Exists(t.ctx, key); got != want || err != nil {
			t.Errorf("%s: %t, %v", key, got, err)
		}
	}
}

func batches(t *tester, b keyvalue.Batcher) {
	value := []byte("1")
	t.ok(b.SetMany(t.ctx, []keyvalue.Entry{{Key: "a", Value: value}, {Key: "b", Value: []byte("2")}, {Key: "empty"}, {Key: "b", Value: []byte("3")}}))
	value[0] = 'X'
	t.want(t.bucket, "a", "1")
	t.want(t.bucket, "b", "3")
	got, err := b.GetMany(t.ctx, []string{"b", "none", "a", "empty", "a"})
	t.ok(err)
	show := ""
	for _, f := range got {
		show += fmt.Sprintf(" %t:%s", f.OK, f.Value)
	}
	if show != " true:3 false: true:1 true: true:1" {
		t.Errorf("got%s", show)
	}
	if got, err := b.GetMany(t.ctx, nil); len(got) != 0 || err != nil {
		t.Errorf("of no keys: %v, %v", got, err)
	}
	t.ok(b.SetMany(t.ctx, nil))
	t.ok(b.DeleteMany(t.ctx, nil))
	t.ok(b.DeleteMany(t.ctx, []string{"a", "none", "a"}))
	t.want(t.bucket, "a", "none")
	t.want(t.bucket, "b", "3")
}

func increments(t *tester, b keyvalue.Incrementer) {
	if n, err := b.Increment(t.ctx, "new", 3); n != 3 || err != nil {
		t.Errorf("where there was nothing: %d, %v", n, err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := b.Increment(t.ctx, "n", 2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	t.want(t.bucket, "n", "800")
	for key, value := range map[string]string{"text": "text", "most": "18446744073709551615", "empty": "", "negative": "-1", "fraction": "1.5"} {
		t.set(key, value)
		if n, err := b.Increment(t.ctx, key, 1); err == nil {
			t.Errorf("%q was incremented to %d", value, n)
		}
		t.want(t.bucket, key, value)
	}
}

func swaps(t *tester, s keyvalue.Swapper) {
	current := func(key string) keyvalue.Versioned {
		t.Helper()
		v, err := s.Current(t.ctx, key)
		t.ok(err)
		return v
	}
	swap := func(version keyvalue.Version, value string, want bool) keyvalue.Versioned {
		t.Helper()
		swapped, now, err := s.Swap(t.ctx, "k", version, []byte(value))
		t.ok(err)
		if swapped != want {
			t.Errorf("swapped: %t, wanted %t", swapped, want)
		}
		return now
	}
	if v := current("k"); v.Version != "" || len(v.Value) != 0 {
		t.Errorf("of no value: %+v", v)
	}
	one := swap("", "1", true)
	if one.Version == "" || string(one.Value) != "1" {
		t.Errorf("a swap gives %+v", one)
	}
	if now := swap("", "2", false); now.Version != one.Version || string(now.Value) != "1" {
		t.Errorf("a swap that did not take place gives %+v, wanted %+v", now, one)
	}
	t.want(t.bucket, "k", "1")
	t.set("k", "x")
	t.set("k", "1") // changed, and changed back
	swap(one.Version, "2", false)
	two := swap(current("k").Version, "2", true)
	other, can := t.open(ada, "default").(keyvalue.Swapper) // a version is valid in another opening
	if !can {
		t.Fatal("another opening of the bucket is no Swapper")
	}
	swapped, two, err := other.Swap(t.ctx, "k", two.Version, []byte("2"))
	if t.ok(err); !swapped {
		t.Error("a version of one opening is not valid in another")
	}
	t.want(t.bucket, "k", "2")
	t.ok(t.bucket.Delete(t.ctx, "k"))
	if v := current("k"); v.Version != "" {
		t.Errorf("of a value that was deleted: %+v", v)
	}
	swap(two.Version, "3", false)
	t.want(t.bucket, "k", "none")
	swap("", "", true)
	if v := current("k"); v.Version == "" {
		t.Error("an empty value has no version")
	}
}

// concurrentSwaps counts with Swap and retries, as Increment does.
func concurrentSwaps(t *tester, s keyvalue.Swapper) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				now, err := s.Current(t.ctx, "n")
				for done := false; !done; {
					if err != nil {
						t.Error(err)
						return
					}
					n, _ := strconv.Atoi(string(now.Value)) // nothing is 0
					done, now, err = s.Swap(t.ctx, "n", now.Version, []byte(strconv.Itoa(n+1)))
				}
			}
		})
	}
	wg.Wait()
	t.want(t.bucket, "n", "100")
}
