// Package filesystem gives guests folders of the host, and nothing beside them.
//
// Every path is resolved by [os.Root]: no "..", no symbolic link and no rename in the middle of an operation leads out
// of the folder of a [Preopen]. Where an operation has no safe form on Root, the folder that holds the last name is
// opened by Root and the operation is done on that name, without following links, relative to the open folder.
//
// Errors are [*Error]; they carry the interface's own word and never a path of the host.
package filesystem
