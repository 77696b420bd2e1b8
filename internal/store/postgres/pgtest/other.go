//go:build !unix

package pgtest

import (
	"fmt"
	"syscall"
)

const sigStop, sigCont = syscall.SIGKILL, syscall.SIGKILL // never sent: there is no tenant

func tenant() (uid, gid int, err error) {
	return 0, 0, fmt.Errorf("a PostgreSQL of the tests' own is %w: it needs a Unix system", errMissing)
}

func attributes(int, int) *syscall.SysProcAttr { return nil }
