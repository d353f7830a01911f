// Package compose writes components that are linked to each other as one component: what goes in are the parts of a plan.Part list, decoded and with
// their bytes, and what comes out are the bytes of a component that nests each part, instantiates it with the exports of others, and exports what the
// first part exports.
//
// A part is nested as it is. What has to be made anew are the imports of the whole. Two parts may import the same interface and each declare the functions
// alone that it calls, so that the type of the whole's import is the union of theirs (imports.go). The types of one import may come from another, or from an
// instance of a part: definitions are therefore emitted when something first needs them, by recursion, and a recursion into itself is a cycle that no
// component has a form for.
//
// The result is decoded and validated before it is returned: it has the types that the links need, or there is an error.
package compose
