package wit_test

import (
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/wit"
)

func ExampleResolve() {
	set, err := wit.Resolve([]wit.Source{{Name: "clock.wit", Text: `
package example:clock@1.0.0;

interface clock {
  resource timer {
    wait: func(millis: u32) -> result<u64, string>;
  }
  now: func() -> u64;
}
`}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range set.Interface(wit.MustParseID("example:clock/clock")).AllFuncs() {
		fmt.Println(f.Name, len(f.Params), f.Result.Kind)
	}
	// Output:
	// [method]timer.wait 2 result
	// now 0 u64
}

func ExampleError() {
	_, err := wit.Resolve([]wit.Source{{Name: "clock.wit", Text: "package example:clock;\ninterface clock { now: func() -> time; }"}})
	var mistake *wit.Error
	if errors.As(err, &mistake) {
		fmt.Printf("line %d: %s\n", mistake.Line, mistake.Msg)
	}
	// Output: line 2: type 'time' is not defined
}

func ExampleCompatible() {
	fmt.Println(wit.Compatible("0.2.0", "0.2.12"), wit.Compatible("0.2.0", "0.3.0"), wit.Compatible("1.0.0-rc.1", "1.0.0"))
	// Output: true false false
}

func ExampleParseID() {
	id, err := wit.ParseID("wasi:http/handler@0.3.0")
	fmt.Println(id.Namespace, id.Package, id.Interface, id.Version, err)
	// Output: wasi http handler 0.3.0 <nil>
}
