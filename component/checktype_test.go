package component

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wit"
)

func TestCheckType(t *testing.T) {
	id := wit.InterfaceID{Namespace: "test", Package: "kinds", Interface: "guest", Version: "1.0.0"}
	session := &cm.ResourceType{Interface: id, Name: "session"}
	want := &cm.FuncType{Params: []cm.Field{{Name: "s", Type: cm.BorrowOf(session)}}}
	had := &cm.FuncType{Params: []cm.Field{{Name: "s", Type: cm.BorrowOf(&cm.ResourceType{Name: "session", Owner: t})}}}
	if err := checkType(id, "f", want, had); err != nil {
		t.Error(err)
	}
	err := checkType(id, "f", want, &cm.FuncType{Params: []cm.Field{{Name: "s", Type: cm.TypeU8}}})
	if want := "test:kinds/guest@1.0.0#f: parameter s: want borrow<test:kinds/guest@1.0.0.session>, had u8"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
