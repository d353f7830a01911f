// Package handle holds the handle table of a component instance: own and borrow handles of resources, lend counts and,
// later, waitables (CanonicalABI.md §Table, §Resource State).
package handle
