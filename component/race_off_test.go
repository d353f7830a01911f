//go:build !race

package component_test

const raceEnabled = false
