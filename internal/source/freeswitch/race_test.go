//go:build race

package freeswitch

// raceEnabled: everything takes ten times as long.
const raceEnabled = true
