// Package backend is what plugins over backends share, keyvalue and blobstore: whose data it is, several backends under names,
// routed by grants, and how long their data lives.
//
// A backend is private to the component that uses it as long as nothing else is granted: what is stored under one [Owner] is
// never seen by another, and is gone when the workload has ended, so that the next one of its name finds nothing. A backend that
// holds on to data must be asked for that by the grant ([workload.StoreGrant], Keep) and say that it can ([Persistent]).
package backend
