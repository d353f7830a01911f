package randomp2

import "testing"

func TestRandom(t *testing.T) {
	ctx := t.Context()
	if b, err := (secure{}).GetRandomBytes(ctx, 100); len(b) != 100 || err != nil {
		t.Error(len(b), err)
	}
	if b, err := (insecure{}).GetInsecureRandomBytes(ctx, 100); len(b) != 100 || err != nil {
		t.Error(len(b), err)
	}
	if _, err := (secure{}).GetRandomBytes(ctx, 1<<40); err == nil {
		t.Error("a TiB of randomness")
	}
	a, _ := secure{}.GetRandomU64(ctx)
	b, _ := insecure{}.GetInsecureRandomU64(ctx)
	s1, _ := new(seed).InsecureSeed(ctx)
	s2, _ := new(seed).InsecureSeed(ctx)
	if a == b || s1 == s2 || s1.F0 == s1.F1 {
		t.Error("repeats itself")
	}
}
