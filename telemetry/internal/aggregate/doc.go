// Package aggregate adds up what the instances of a component have measured themselves. In goes what one instance exports, as often as
// it likes: a [Writer] knows what it has exported before, so that the same sum twice counts once. Out comes one series for the
// component, whichever of its instances have measured: [Sums], one for each reader. An instance that is new for each request would
// otherwise be a series of its own, or its sum of 1 would replace that of the request before.
//
// Temporality, times and kinds stay what they were: cumulative sums are the component's since its first, deltas add up
// until they are collected, and gauges keep their last value.
package aggregate
