package cm

import "testing"

func TestPath(t *testing.T) {
	for _, c := range []struct{ path, name Path }{
		{Path("").Inner("shop"), "shop"},
		{Path("shop").Inner("cart"), "cart"},
		{Path("shop").Unnamed(3), "shop"},
		{Path("shop").Unnamed(3).Unnamed(4), "shop"},
		{Path("shop").Unnamed(3).Inner("cart"), "cart"},
		{Path("shop").Inner("instance-of-mine"), "instance-of-mine"},
		{Path("").Unnamed(3), "instance-3"}, // there is no other
		{"", ""},
	} {
		if got := c.path.Name(); got != string(c.name) {
			t.Errorf("%s: %q, want %q", c.path, got, c.name)
		}
	}
	if p := Path("shop").Unnamed(12); p != "shop/instance-12" {
		t.Error(p)
	}
}
