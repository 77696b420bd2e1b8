package teli_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/teli"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, teli.New(dialecttest.Env()))
}
