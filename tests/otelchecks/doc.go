// Package otelchecks tests wasi:otel from guest code to what a collector receives: the checks of wasi/otel/CHECKS.md, guests that
// send what no honest one does, and what a guest's span costs. testdata has the guest that does what an image of operations says, from
// guest.wat, which testdata/build.sh makes components of.
package otelchecks
