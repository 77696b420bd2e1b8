package primevox_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, primevox.New(dialecttest.Env()))
}
