// Package archtest holds the tests that keep the tree an architecture diagram: which package may import which, that each
// has a package comment, and that nothing registers itself behind anybody's back. See ARCHITECTURE.md.
package archtest
