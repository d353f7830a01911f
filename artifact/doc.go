// Package artifact takes components and workloads from OCI registries, brings them there, and checks who has signed them.
//
// What goes in is a reference, such as registry.example.com/shop/cart:1.2 or …@sha256:…. What comes out is an [Artifact]: the digest that
// the reference stands for now, and bytes whose digest has been compared with it. Three things happen on the way, in this order:
//
//   - A tag becomes a digest. The registry is asked, for [Config.TagTime] at most. Where it does not answer, the digest that the tag stood
//     for last is used, and the log says so. A reference with a digest asks nobody.
//   - Where a [Policy] has keys, a signature by one of them is looked for, over this digest. Nothing of an artifact without one
//     is fetched besides its manifest, and nothing is decoded.
//   - Manifest and layer come from the cache, or from the registry into the cache. They are stored by digest, written beside their place and then
//     renamed, and their digests are compared whenever they are read.
//
// A component is pushed in the form of the CNCF's Wasm working group; the forms of wasmCloud and Spin are read as well. A workload is an index of the
// manifest of its document and those of its components, so that copying and signing the index covers all of it. Signatures are bundles
// of Sigstore, in the form that cosign writes, as referrers of the manifest that they are for.
//
// This package does not decode WebAssembly and does not read workload documents: it hands on bytes.
package artifact
