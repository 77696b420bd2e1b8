package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Bouncer starts a PgBouncer in transaction mode before a database, and returns
// the database's URL through it. It takes 1000 clients and is otherwise as it
// comes. It ends with the test.
func Bouncer(tb testing.TB, database string) string {
	tb.Helper()
	h, through, err := bouncer(database)
	need(tb, err)
	tb.Cleanup(func() {
		if err := h.end(); err != nil {
			tb.Error(err)
		}
	})
	return through
}

func bouncer(database string) (_ *home, through string, err error) {
	program, err := find("pgbouncer", "pgbouncer")
	if err != nil {
		return nil, "", err
	}
	server, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	h, err := settle()
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.end())
		}
	}()
	if err := h.write("users", fmt.Sprintf("%q %q\n", server.User, server.Password)); err != nil {
		return nil, "", err
	}
	if err := h.write("pgbouncer.ini", fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
pool_mode = transaction
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = scram-sha-256
auth_file = users
max_client_conn = 1000
`, server.Host, server.Port, port)); err != nil {
		return nil, "", err
	}
	p, err := h.start(program, "pgbouncer.ini")
	if err != nil {
		return nil, "", err
	}
	address := net.JoinHostPort("127.0.0.1", port)
	through = (&url.URL{
		Scheme: "postgres", User: url.UserPassword(server.User, server.Password),
		Host: address, Path: "/" + server.Database, RawQuery: "sslmode=disable",
	}).String()
	return h, through, p.ready(func() error {
		c, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}
