package redis

import (
	"fmt"
	"slices"
	"strings"
)

// The reasons why a command is refused.
const (
	whyConnection = "it changes the connection, which is shared"
	whyWaits      = "it waits in the server, and keeps a connection; ask again instead"
	whyServer     = "it administers the server"
)

// refused are commands that no component may run, by their names.
var refused = func() map[string]string {
	all := map[string]string{}
	for why, names := range map[string]string{
		whyConnection: "ASKING AUTH CLIENT DISCARD EXEC HELLO MONITOR MULTI PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT READONLY READWRITE REPLCONF RESET SELECT " +
			"SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SYNC UNSUBSCRIBE UNWATCH WATCH",
		whyWaits: "BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN WAIT WAITAOF",
		whyServer: "ACL BGREWRITEAOF BGSAVE CLUSTER CONFIG DEBUG FAILOVER LATENCY MIGRATE MODULE PFDEBUG PFSELFTEST REPLICAOF RESTORE-ASKING ROLE SAVE " +
			"SENTINEL SHUTDOWN SLAVEOF SLOWLOG SWAPDB",
	} {
		for name := range strings.FieldsSeq(names) {
			all[name] = why
		}
	}
	return all
}()

// CommandError says that a command is refused, and why.
type CommandError struct {
	Command string // as it is written in Redis' documentation; empty where the guest's is no name
	Why     string
}

// Error names the command, if it is one of Redis', and the reason.
func (e *CommandError) Error() string {
	if e.Command == "" {
		return "the command is refused: " + e.Why
	}
	return fmt.Sprintf("the command %s is refused: %s", e.Command, e.Why)
}

// CheckCommand finds what keeps a component from running a command. Others are the server's to allow. The error is a *CommandError.
//
// Refused are commands that change the connection or its user, since the next command of another component may use it (AUTH, SELECT, MULTI, SUBSCRIBE,
// CLIENT and others); those that wait (BLPOP and others, XREAD with BLOCK, WAIT), which would use up the connections, and hold on after
// the guest's deadline; and those that administer the server (CONFIG, SHUTDOWN, REPLICAOF and others), with which a guest would reach what its
// grant does not name: the server's files, other servers.
func CheckCommand(name string, args ...any) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return &CommandError{Why: "it has no name, or a space in it: arguments are apart from it"}
	}
	upper := strings.ToUpper(name)
	if why, ok := refused[upper]; ok {
		return &CommandError{Command: upper, Why: why}
	}
	if upper != "XREAD" && upper != "XREADGROUP" {
		return nil
	}
	streams := slices.IndexFunc(args, func(a any) bool { return is(a, "STREAMS") }) // keys come after it, which may have any name
	if streams < 0 {
		streams = len(args)
	}
	if slices.ContainsFunc(args[:streams], func(a any) bool { return is(a, "BLOCK") }) {
		return &CommandError{Command: upper + " with BLOCK", Why: whyWaits}
	}
	return nil
}

// is compares an argument with a keyword, as the server does.
func is(arg any, keyword string) bool {
	switch a := arg.(type) {
	case string:
		return strings.EqualFold(a, keyword)
	case []byte:
		return strings.EqualFold(string(a), keyword)
	}
	return false
}
