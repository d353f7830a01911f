// Package servers starts the real servers that tests of backends need, from the commands of Debian's packages, or built from their Go
// modules. A test is skipped where that is not possible.
package servers
