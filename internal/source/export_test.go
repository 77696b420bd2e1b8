package source

// NewBoundedQueue returns a Queue with bounds that a test can reach.
func NewBoundedQueue(dir string, memory, disk int64, chunk int, segment int64) *Queue {
	return &Queue{dir: dir, bounds: bounds{memory, disk, chunk, segment}}
}
