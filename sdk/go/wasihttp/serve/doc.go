// Package serve has an http.Handler answer the requests that a component gets, by wasi:http/incoming-handler 0.2.
//
//	func init() {
//		http.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
//		serve.Handle(nil) // http.DefaultServeMux
//	}
//
//	func main() {} // is not called
//
// A component that imports this package exports the interface, whether or not it calls Handle.
package serve
