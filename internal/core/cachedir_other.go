//go:build !unix

package core

import "io/fs"

// checksModes says that permission bits tell who can write: not where access control lists do.
const checksModes = false

// foreign says nothing here: who owns and who may write stands in access control lists, which by default let nobody else into a user's
// own folders.
func foreign(fs.FileInfo, bool) string { return "" }
