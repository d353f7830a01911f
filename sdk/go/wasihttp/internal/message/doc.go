// Package message is what requests and responses of wasi:http 0.2 have in common, in both directions: fields, and bodies that are passed on in parts.
package message
