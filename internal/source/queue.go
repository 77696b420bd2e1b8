package source

// A Queue holds messages between the wire and those who read them.
type Queue struct{}
