// Package wasiconfig reads the configuration of a component, by wasi:config (0.2.0-rc.1).
//
//	greeting, found, err := wasiconfig.Get("greeting")
//
// A workload sets values in its section config; secrets that it grants (grants.secrets) are found by their names, too. The host sees each call, within the
// request's trace.
//
// Outside of a component (any GOOS but wasip1) there is no configuration, and the error is [ErrNoHost].
package wasiconfig
