// Package wasikeyvalue stores values under keys from inside a component, by wasi:keyvalue (0.2.0-draft2).
//
//	b, err := wasikeyvalue.Open("default")
//	if err != nil {
//		return err
//	}
//	defer b.Close()
//	n, err := b.Increment("visits", 1)
//
// The workload says which buckets there are and where they are kept (grants.keyvalue). The host sees each call, within the request's trace. A call takes no context, as
// the interface has nothing that could end it: the host bounds it by the request's deadline.
//
// Open a bucket in the request that uses it, and close it there: one instance may answer many requests, and buckets that are left open are kept by it.
//
// Outside of a component (any GOOS but wasip1) nothing can be opened, and the error is [ErrNoHost].
package wasikeyvalue
