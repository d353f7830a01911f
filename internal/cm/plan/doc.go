// Package plan turns a validated component, with all that is nested in it, into a flat list of what has to be done to
// instantiate it: core modules in order, where each of their imports comes from, which functions cross a border and how.
//
// The input is the tree of definitions of package binary, the output a [Program]: plain data that can be printed and compared.
// Component instantiation is static: which component is instantiated with which arguments is known from the bytes. So
// the planner walks each instantiation once, as the specification's instantiation would, with items for
// what instantiation will make: a lifted function, a core instance's export, a resource type. Of nested components only their paths
// and their own handle tables remain, and a [cm.Boundary] wherever a lift meets a lower.
//
// The planner trusts indices: its input must have been accepted by package validate. It does not compile, does
// not read core code, and does not know what the host offers; imports are listed for the linker to check.
package plan
