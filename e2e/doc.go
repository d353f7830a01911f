// Package e2e tests the real binary as its users run it: processes, ports, files and exit statuses. It holds tests only.
package e2e
