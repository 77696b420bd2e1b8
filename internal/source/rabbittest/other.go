//go:build !unix

package rabbittest

import (
	"errors"
	"syscall"
)

func apart() *syscall.SysProcAttr { return nil }

func kill(int) error { return errors.New("a RabbitMQ of the tests' own needs a Unix system") }

func lives(int) bool { return false }
