package filesystem_test

import (
	"fmt"
	"log"
	"os"

	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
)

// A guest sees the folders that it is given, and never leaves them.
func Example() {
	dir, err := os.MkdirTemp("", "guest")
	check(err)
	defer os.RemoveAll(dir)
	root, err := filesystem.Preopen{Host: dir, Guest: "/data"}.Open(filesystem.NewQuota(10))
	check(err)
	defer root.Close()
	f, err := root.Open(true, "notes.txt", filesystem.Create, filesystem.Read|filesystem.Write)
	check(err)
	defer f.Close()
	_, err = f.WriteAt([]byte("hello"), 0)
	check(err)
	text, end, err := f.ReadAt(100, 0)
	check(err)
	fmt.Printf("%s %t\n", text, end)
	_, err = root.Open(true, "../elsewhere", 0, filesystem.Read)
	code, _ := filesystem.CodeOf(err)
	fmt.Println(code)
	// Output:
	// hello true
	// not-permitted
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
