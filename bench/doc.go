// Command bench measures whole processes on loopback.
//
//	go run ./bench compare servers in turns: net/http as the ceiling, Vitrine with telemetry off, on and at detail all, and
//	                       as snapshot, and wasmtime serve as it is, tuned, and reusing instances, if it is there; with
//	                       the ratios that Vitrine aims at, met or missed
//	go run ./bench density what idle instances cost: memory, mappings, files
//	go run ./bench first   for each template of vitrine new, by the commands that it prints and with empty caches: how long it takes to
//	                       a traced answer, and what was fetched
//	go run ./bench mixed   an hour of guests of every language, a hundredth of the requests hostile, the collector
//	                       killed again and again, the compile cache wiped: what is wrong, and whether memory,
//	                       goroutines and files keep their level
//	go run ./bench noisy   a guest that loops for ever beside one that answers: the neighbour's latency
//	go run ./bench resets  in this process, not a whole one: what a new instance of each prebuilt guest costs, what a
//	                       reset costs, and which guests cannot be reset, and why
//	go run ./bench soak    half an hour of load on each 0.3 guest, 16 requests at once in one instance, some of which trap, lose
//	                       their clients or are late: whether all that they cause is in their own traces, and what is left
//	go run ./bench viewer  what "up --view" costs: processor time for each request with and without it, in turns
//
// Each takes -h; -json and -save FILE give the whole result. Figures are for people to compare within one run; nothing
// here is a test.
package main
