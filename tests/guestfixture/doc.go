// Package guestfixture runs the prebuilt guests in this process by their requests, commands or exports, on a host whose clocks
// and randomness come from a seed: for tests that compare two ways to run the same guest, and for measurements.
package guestfixture
