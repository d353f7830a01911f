package filesystem

import "path/filepath"

// checkNames refuses a guest's path that the system reads differently.
func checkNames(p string) error { return checkWindowsPath(p) }

// hostTarget and guestTarget convert the target of a symbolic link to the system's form and back.
func hostTarget(target string) string { return filepath.FromSlash(target) }

func guestTarget(target string) string { return filepath.ToSlash(target) }
