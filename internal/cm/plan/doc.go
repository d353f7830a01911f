// Package plan turns a validated component, with all that is nested in it, into a flat list of what has to be done to
// instantiate it: core modules in order, where each of their imports comes from, which functions cross a border and how.
//
// In comes the tree of definitions of package binary; out comes a [Program], plain data that can be printed and compared.
// Component instantiation is static: which component is instantiated with which arguments is known from the bytes. So
// the planner walks each instantiation once, as the specification's instantiation would, with items that stand for
// what run time will make: a lifted function, a core instance's export, a resource type. Nested components disappear on
// the way; what stays of them is their path, their own handle table, and a [cm.Boundary] wherever a lift meets a lower.
//
// The planner trusts indices: only components that package validate accepted may come here. It does not compile, does
// not look at core code, and knows nothing of what the host offers; imports are listed for the linker to check.
package plan
