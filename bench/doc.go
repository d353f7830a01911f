// Command bench measures whole processes on loopback.
//
//	go run ./bench compare a plain net/http server, Vitrine with telemetry off and on, and wasmtime serve if it is there
//	go run ./bench noisy   a guest that loops for ever beside one that answers: the neighbour's latency
//	go run ./bench soak    minutes of load: errors, memory, goroutines, and a trace for every request
//
// Each takes -h. Figures are for people to compare within one run; nothing here is a test.
package main
