// Package servers starts the real servers that tests of backends need, from the commands of Debian's packages. A test is skipped where
// the command is missing.
package servers
