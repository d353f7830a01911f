// Command bench measures whole processes on loopback.
//
//	go run ./bench compare a plain net/http server, Vitrine with telemetry off and on, and wasmtime serve if it is there
//	go run ./bench mixed   an hour of guests of every language, a hundredth of the requests hostile, the collector
//	                       killed again and again, the compile cache wiped: what is wrong, and whether memory,
//	                       goroutines and files keep their level
//	go run ./bench noisy   a guest that loops for ever beside one that answers: the neighbour's latency
//	go run ./bench soak    minutes of load: errors, memory, goroutines, and a trace for every request
//
// Each takes -h; -json and -save FILE give the whole result. Figures are for people to compare within one run; nothing
// here is a test.
package main
