// Package bound has instruments whose attribute sets are bound in advance: when a component is linked, or when a set first
// occurs. A measurement is then a few atomic additions.
//
// The SDK's instruments look the attribute set up for each measurement and offer each to a reservoir of exemplars, which takes some
// hundred nanoseconds: as long as a call across a boundary. The instruments here keep their own sums and buckets, and a
// [Producer] gives them to a reader in the SDK's data model, with the names, units, buckets, temporality and exemplars of the
// SDK's instruments.
//
// A reader takes producers only when it is made. If others made it (an embedder, a configuration file), or if it wants an
// aggregation that this package does not have (exponential histograms), the [Meter] makes the same instruments on top of the SDK's.
package bound
