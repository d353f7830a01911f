// Package handle holds the handle table of a component instance: own and borrow handles of resources, lend counts, and room
// for what else guests have numbers for
// (CanonicalABI.md §Table State, §Resource State). It knows no memory and runs no destructor: it says which resource a
// number from a guest means, and refuses numbers that mean none.
package handle
