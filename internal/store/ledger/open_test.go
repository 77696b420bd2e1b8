package ledger_test

import (
	"context"

	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// The tests that look inside need a database, which cannot be imported there.
func init() { //nolint:gochecknoinits // see above
	ledger.OpenForTest = func(ctx context.Context, dir string) (*ledger.DB, error) {
		return sqlite.Open(ctx, sqlite.Options{Dir: dir})
	}
}
