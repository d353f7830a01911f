// Package filesystem gives guests access to granted folders of the host, and to nothing outside them.
//
// Every path is resolved by [os.Root]: no "..", no symbolic link and no concurrent rename leads out of the folder of a
// [Preopen]. An operation that Root does not have is done relative to the parent folder of the last name, which Root opens,
// without following links.
//
// Errors are [*Error], with a code of the interface and never a path of the host.
package filesystem
