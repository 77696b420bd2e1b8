//go:build race

package cli

// raceEnabled: everything takes ten times as long.
const raceEnabled = true
