package async

//go:wasmimport $root [waitable-set-new]
func waitableSetNew() uint32

//go:wasmimport $root [waitable-join]
func waitableJoin(waitable, set uint32)

//go:wasmimport $root [subtask-drop]
func subtaskDrop(subtask uint32)

//go:wasmimport $root [async-lower][subtask-cancel]
func subtaskCancel(subtask uint32) uint32

//go:wasmimport $root [context-set-0]
func contextSet(v uint32)

//go:wasmimport $root [context-get-0]
func contextGet() uint32

//go:wasmimport [export]$root [task-cancel]
func taskCancel()

//go:wasmimport $root [stream-new-unit]
func wakeNew() uint64

//go:wasmimport $root [async-lower][stream-read-unit]
func wakeRead(end, at, n uint32) uint32

//go:wasmimport $root [async-lower][stream-write-unit]
func wakeWrite(end, at, n uint32) uint32

//go:wasmimport wasi:clocks/monotonic-clock@0.3.0 [async-lower]wait-for
func waitFor(ns uint64) uint32
