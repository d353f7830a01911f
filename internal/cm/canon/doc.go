// Package canon lifts and lowers component values over a guest's memory (CanonicalABI.md), compiled once per function
// type. It is pure: it knows no engine, no store and no scheduler, only the interfaces that it is handed. Every pointer,
// length, discriminant, string and handle from a guest is hostile; what is wrong with one is a *cm.Trap.
package canon
