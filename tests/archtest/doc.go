// Package archtest tests the architecture: which package may import which, that each has a package comment, and that there
// are no global side effects. See ARCHITECTURE.md.
package archtest
