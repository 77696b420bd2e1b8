package source

// A Level says how much a Finding matters.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Hint    Level = "hint"    // it works, and would work better
	Missing Level = "missing" // something that a source needs
)

// A Finding is one thing about a phone system that a source depends on.
type Finding struct {
	Level Level
	About string // in a word or two
	Says  string // what was found
	Fix   string // lines to be written, and where; empty: nothing to do
}
