package post

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// Patience sets how long an unused connection is kept.
func (o *Office) Patience(d time.Duration) { o.patience = d }

// Compose is what Send would hand to a server; nil: it would not ask one.
func (o *Office) Compose(ctx context.Context, r *wire.Request, utf8 bool) ([]byte, error) {
	l, err := o.read(r)
	if err != nil || l.flaw != (reply{}) || !utf8 && l.from.international() {
		return nil, err
	}
	if err := o.collect(ctx, l, ""); err != nil {
		return nil, err
	}
	return o.compose(l, utf8)
}
