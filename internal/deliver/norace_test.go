//go:build !race

package deliver_test

// raceEnabled: everything takes ten times as long.
const raceEnabled = false
