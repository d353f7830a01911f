//go:build !windows

package filesystem

// checkNames refuses a guest's path that the system reads differently.
func checkNames(string) error { return nil }

// hostTarget and guestTarget convert the target of a symbolic link to the system's form and back.
func hostTarget(target string) string { return target }

func guestTarget(target string) string { return target }
