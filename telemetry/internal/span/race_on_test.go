//go:build race

package span

const raceEnabled = true
