// Package bind is what generated bindings (package bindgen) call: conversions between a [cm.Val] and typed Go values, by
// functions of the element types instead of reflection, and the handling of resources that a call passes on.
//
// Functions named Lift… read a Val, functions named Lower… make one. They trust the type that the binding was generated from: a Val of another
// form panics, as the accessors of cm.Val do. Only generated code needs this package, and what it offers may grow with the generator;
// regenerate bindings after an update of this module.
package bind
