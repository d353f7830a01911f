package component

import "github.com/vitrine-wasm/vitrine/internal/core"

// SealCache makes a directory that [WithCacheDir] was given one that is only read, by the processes of any user: an image can carry it. Code in it is run
// if it is the system's user's, or this process's, and nobody else can write to it. What is not in it is compiled and not kept. No engine may use the directory meanwhile.
// A directory that has more in it than the cache keeps its own permissions.
func SealCache(dir string) error { return core.Seal(dir) }

// UnsealCache undoes SealCache, for an owner who wants to add to the directory. It does nothing to others. was
// says that it has undone one.
func UnsealCache(dir string) (was bool, err error) { return core.Unseal(dir) }
