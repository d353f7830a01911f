package filesystem

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// What a symbolic link leads to is decided by os.Root whenever a guest follows one, whatever it holds. Other programs of
// the host follow links, too, and have no such bounds. So guests can make no link that leads out of their folder for
// them, now or later:
//
//   - It holds no absolute path, and ".." only at its beginning: whether "a/.." is where the link is, is for whoever makes
//     a to say.
//   - It goes up no further than the folder that it is made in lies below the descriptor's: counted on the file system,
//     where a path's links have been followed.
//   - Neither it nor a folder with such a link in it is moved up by so much that this is no longer true, and no second
//     name is given to it there.
//
// The rest of such a link goes down, by links of which the same is true. What the host has made itself is left out of
// this: a link of the host that leads out does so by every path through it. So is what another process of the host moves.

// linksMove is held while something is decided by how far a folder lies below another, and done.
var linksMove sync.Mutex

// maxMoved is how many names a folder may have below it that is moved up: all are looked at.
const maxMoved = 100_000

// checkTarget refuses what a guest may not have a link hold, and says how far up it goes.
func checkTarget(target string) (up int, err error) {
	switch {
	case target == "":
		return 0, failed(CodeNoEntry)
	case strings.IndexByte(target, 0) >= 0:
		return 0, failed(CodeInvalid)
	case path.IsAbs(target):
		return 0, failed(CodeNotPermitted)
	}
	if err := sayable(target); err != nil {
		return 0, err
	}
	down := false
	for name := range strings.SplitSeq(target, "/") {
		switch {
		case name == ".." && down:
			return 0, failed(CodeNotPermitted)
		case name == "..":
			up++
		case name != "" && name != ".":
			down = true
		}
	}
	return up, nil
}

// ups is how often a link's target goes up, wherever in it; that of an absolute one does not depend on where it is.
func ups(target string) (n int) {
	if path.IsAbs(target) {
		return 0
	}
	for name := range strings.SplitSeq(target, "/") {
		if name == ".." {
			n++
		}
	}
	return n
}

// linksStay says whether all links below folder lead no further up than they may where it is going to lie: so far below
// the descriptor's folder that bounds them.
func linksStay(folder *os.Root, depth int) error {
	seen := 0
	return fs.WalkDir(folder.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > maxMoved {
			return failed(CodeCrossDevice) // whoever moves things copies them then
		}
		if e.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		target, err := folder.Readlink(p)
		if err != nil {
			return err
		}
		if ups(guestTarget(target)) > depth+strings.Count(p, "/") {
			return failed(CodeNotPermitted)
		}
		return nil
	})
}
