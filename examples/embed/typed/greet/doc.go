// Package greet is the binding of the world in greet.wit.
package greet
