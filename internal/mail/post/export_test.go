package post

import "time"

// Patience sets how long an unused connection is kept.
func (o *Office) Patience(d time.Duration) { o.patience = d }
