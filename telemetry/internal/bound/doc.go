// Package bound has instruments whose attribute set is given once, ahead of the measurements: when a component is linked,
// or when a set is first seen. What is left for a measurement is a few atomic additions.
//
// The SDK's instruments find the attribute set anew for each measurement and offer each to a reservoir of exemplars, which
// costs some hundred nanoseconds: for calls across a boundary, as much as the calls themselves. The instruments here keep
// their own sums and buckets, and a [Producer] hands them to a reader in the SDK's data model: same names, units, buckets,
// temporality and exemplars as the SDK's own would give.
//
// A reader takes producers only while it is made. Where that is somebody else's doing (an embedder's reader, a
// configuration file), or where something is asked for that is not here (exponential histograms), an instrument made by
// the same [Meter] is a handle on the SDK's, and nobody who measures sees the difference.
package bound
