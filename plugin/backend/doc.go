// Package backend is what the plugins keyvalue and blobstore share: owners of data, named backends that grants choose, and the
// lifetime of data.
//
// Data of one [Owner] is never visible to another, and is deleted when the workload has ended, so that the next workload of the same
// name finds none. Data is kept only if the grant says so ([workload.StoreGrant], Keep) and the backend can ([Persistent]).
package backend
