// Package guestprog makes components of its own that use the asynchronous built-ins, as bytes, and knows by a model what the
// Component Model's text says that they do. Tests run both against each other: any program, well-behaved or not, has to give the
// same results, and to end with the same trap.
package guestprog
