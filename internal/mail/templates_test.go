package mail_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/mail"
)

func TestQuick(t *testing.T) {
	t.Parallel()
	for _, d := range mail.Definitions() {
		ev := mail.Sample(d.ID)
		ctx := mail.Context(ev, mail.SampleEnv(d.ID))
		_ = ctx
		t.Log(d.ID, d.Events, len(mail.For(ev)))
	}
}
