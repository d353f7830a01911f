// Package handle holds the handle table of a component instance: own and borrow handles of resources, lend counts, and the other
// objects that guests have handles of (CanonicalABI.md §Table State, §Resource State). It knows no memory and runs no destructor: it
// finds the object of a handle, and refuses handles that have none.
package handle
