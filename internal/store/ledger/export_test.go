package ledger

import "context"

// OpenForTest opens a store in a directory.
var OpenForTest func(ctx context.Context, dir string) (*DB, error) // see open_test.go
