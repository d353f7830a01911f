// Package guestfixture makes the prebuilt guests work in this process, each with what it is made for (requests, commands, calls of
// its exports), on a host whose clocks and randomness can be told from a seed: for tests that compare two ways to run the
// same guest, and for measurements.
package guestfixture
