//go:build !windows

package filesystem

// sayable refuses a guest's path that does not name the same to the system.
func sayable(string) error { return nil }

// hostTarget and guestTarget turn what a symbolic link holds into the system's form and back.
func hostTarget(target string) string { return target }

func guestTarget(target string) string { return target }
