//go:build !wasip1

package async

import "github.com/vitrine-wasm/vitrine/sdk/go/cabi"

func waitableSetNew() uint32          { panic(cabi.NoHost) }
func waitableJoin(_, _ uint32)        { panic(cabi.NoHost) }
func subtaskDrop(uint32)              { panic(cabi.NoHost) }
func subtaskCancel(uint32) uint32     { panic(cabi.NoHost) }
func contextSet(uint32)               { panic(cabi.NoHost) }
func contextGet() uint32              { panic(cabi.NoHost) }
func taskCancel()                     { panic(cabi.NoHost) }
func wakeNew() uint64                 { panic(cabi.NoHost) }
func wakeRead(_, _, _ uint32) uint32  { panic(cabi.NoHost) }
func wakeWrite(_, _, _ uint32) uint32 { panic(cabi.NoHost) }
func waitFor(uint64) uint32           { panic(cabi.NoHost) }
