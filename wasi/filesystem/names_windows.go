package filesystem

import "path/filepath"

// sayable refuses a guest's path that does not name the same to the system.
func sayable(p string) error { return windowsPath(p) }

// hostTarget and guestTarget turn what a symbolic link holds into the system's form and back.
func hostTarget(target string) string { return filepath.FromSlash(target) }

func guestTarget(target string) string { return filepath.ToSlash(target) }
