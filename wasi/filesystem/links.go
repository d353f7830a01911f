package filesystem

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// os.Root bounds every symbolic link that a guest follows, but other programs of the host follow links without such bounds.
// So a guest cannot make a link that leads out of its folder for them, now or after a rename:
//
//   - Its target is not absolute, and has ".." only at its beginning: "a/.." need not be the link's folder, as a may be a
//     link.
//   - Its target goes up at most as many levels as its folder is below the descriptor's folder, counted on the file system
//     after the path's links have been followed.
//   - Neither it nor a folder that contains such a link is moved, or hard linked, up to where this does not hold.
//
// The rest of such a target goes down, through links for which the same holds. Links that the host has made, and moves by
// other processes of the host, are not covered.

// linksMu is held from the check of a folder's depth to the end of the operation.
var linksMu sync.Mutex

// maxMoved bounds the entries below a folder that is moved up, as all of them are checked.
const maxMoved = 100_000

// checkTarget refuses invalid targets, and returns how many levels up a valid one goes.
func checkTarget(target string) (up int, err error) {
	switch {
	case target == "":
		return 0, failed(CodeNoEntry)
	case strings.IndexByte(target, 0) >= 0:
		return 0, failed(CodeInvalid)
	case path.IsAbs(target):
		return 0, failed(CodeNotPermitted)
	}
	if err := checkNames(target); err != nil {
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

// countUps is the number of ".." in a target; 0 if it is absolute, as it does not depend on the link's folder then.
func countUps(target string) (n int) {
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

// checkLinksStay fails if a link below folder would lead out when folder is moved to a depth below the descriptor's folder.
func checkLinksStay(folder *os.Root, depth int) error {
	seen := 0
	return fs.WalkDir(folder.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > maxMoved {
			return failed(CodeCrossDevice) // on which programs copy instead
		}
		if e.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		target, err := folder.Readlink(p)
		if err != nil {
			return err
		}
		if countUps(guestTarget(target)) > depth+strings.Count(p, "/") {
			return failed(CodeNotPermitted)
		}
		return nil
	})
}
