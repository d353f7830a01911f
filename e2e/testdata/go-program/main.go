package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	fmt.Println("args", os.Args[1:], "GREETING", os.Getenv("GREETING"))
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "exit":
			fmt.Fprintln(os.Stderr, "failing")
			os.Exit(3)
		case "cat":
			sc := bufio.NewScanner(os.Stdin)
			for sc.Scan() {
				fmt.Println(strings.ToUpper(sc.Text()))
			}
		case "files":
			files(os.Args[2])
		case "sleep":
			t := time.Now()
			done := make(chan bool)
			go func() { time.Sleep(50 * time.Millisecond); done <- true }()
			<-done
			fmt.Println("slept", time.Since(t) >= 50*time.Millisecond)
		case "panic":
			panic("told to")
		}
	}
}

func check(what string, err error) { fmt.Println(what, err) }

func files(dir string) {
	f := filepath.Join(dir, "a.txt")
	check("write", os.WriteFile(f, []byte(strings.Repeat("line\n", 30000)), 0o644))
	b, err := os.ReadFile(f)
	fmt.Println("read", len(b), err)
	h, err := os.OpenFile(f, os.O_APPEND|os.O_WRONLY, 0)
	check("open", err)
	_, err = h.WriteString("more")
	check("append", err)
	st, err := h.Stat()
	fmt.Println("stat", st.Size(), st.Mode().IsRegular(), time.Since(st.ModTime()) < time.Hour, err)
	check("close", h.Close())
	h, err = os.OpenFile(f, os.O_RDWR, 0)
	check("open", err)
	check("truncate", h.Truncate(10))
	p := make([]byte, 4)
	n, err := h.ReadAt(p, 5)
	fmt.Println(n, string(p), err)
	off, err := h.Seek(-3, 2)
	fmt.Println("seek", off, err)
	n, err = h.Read(make([]byte, 10))
	fmt.Println("tail", n, err)
	check("sync", h.Sync())
	h.Close()
	check("mkdir", os.MkdirAll(filepath.Join(dir, "d/e"), 0o755))
	check("rename", os.Rename(f, filepath.Join(dir, "d/b.txt")))
	for i := range 100 {
		os.WriteFile(filepath.Join(dir, "d/e", fmt.Sprintf("file-with-a-long-name-%03d", i)), nil, 0o644)
	}
	es, err := os.ReadDir(filepath.Join(dir, "d/e"))
	fmt.Println("dir", len(es), es[99].Name(), err)
	check("symlink", os.Symlink("b.txt", filepath.Join(dir, "d/l")))
	l, err := os.Readlink(filepath.Join(dir, "d/l"))
	fmt.Println("readlink", l, err)
	ls, err := os.Lstat(filepath.Join(dir, "d/l"))
	fmt.Println("lstat", ls.Mode()&fs.ModeSymlink != 0, err)
	a, _ := os.Stat(filepath.Join(dir, "d/l"))
	b2, _ := os.Stat(filepath.Join(dir, "d/b.txt"))
	fmt.Println("same", os.SameFile(a, b2))
	check("link", os.Link(filepath.Join(dir, "d/b.txt"), filepath.Join(dir, "d/hard")))
	check("chtimes", os.Chtimes(filepath.Join(dir, "d/b.txt"), time.Unix(1e9, 5), time.Unix(1e9, 7)))
	b2, _ = os.Stat(filepath.Join(dir, "d/b.txt"))
	fmt.Println("mtime", b2.ModTime().UnixNano())
	var n2 int
	filepath.WalkDir(dir, func(string, fs.DirEntry, error) error { n2++; return nil })
	fmt.Println("walk", n2)
	check("rm", os.Remove(filepath.Join(dir, "d/l")))
	check("rmall", os.RemoveAll(filepath.Join(dir, "d")))
	_, err = os.Stat(filepath.Join(dir, "d"))
	fmt.Println("gone", errors.Is(err, fs.ErrNotExist))
	_, err = os.ReadFile("/etc/passwd")
	fmt.Println("outside", err)
	root, err := os.OpenRoot(dir)
	check("root", err)
	if err == nil {
		check("rootwrite", root.WriteFile("in-root", []byte("x"), 0o600))
		check("rootmkdir", root.Mkdir("rd", 0o700))
		check("rootrm", root.RemoveAll("rd"))
		_, err = root.Open("../x")
		fmt.Println("escape", err != nil)
	}
}
