package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Standby starts a server of the test's own that follows this one, and waits until it
// does. synchronous: from then on a commit on this one is one on both.
func (s *Server) Standby(tb testing.TB, synchronous bool) *Server {
	tb.Helper()
	b, err := s.standby()
	need(tb, err)
	b.endWith(tb)
	state := "async"
	if synchronous {
		state = "sync"
		need(tb, s.SetConfig("synchronous_standby_names", "*"))
	}
	need(tb, until("the standby to follow", patience, func() (is bool, err error) {
		return is, ask(s.URL(), func(ctx context.Context, c *pgx.Conn) error {
			return c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = $1)", state).Scan(&is)
		})
	}))
	return b
}

func (s *Server) standby() (*Server, error) {
	h, err := settle()
	if err != nil {
		return nil, err
	}
	b := &Server{home: h, bin: s.bin, password: s.password}
	err = b.run("pg_basebackup", "--pgdata=data", "--dbname="+s.URL(), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	if err == nil {
		err = b.settle(nil)
	}
	if err != nil {
		return nil, errors.Join(err, h.end())
	}
	return b, nil
}

// Promote lets a standby take the place of the server that it followed, which must have
// ended, or stand still for good.
func (s *Server) Promote() error {
	return ask(s.URL(), func(ctx context.Context, c *pgx.Conn) error {
		var done bool
		if err := c.QueryRow(ctx, "SELECT pg_promote()").Scan(&done); err != nil {
			return err
		}
		if !done {
			return errors.New("the standby was not promoted")
		}
		return nil
	})
}

// Or makes the URL of a database of this server that of whichever of the two is no
// standby at the moment.
func (s *Server) Or(b *Server, database string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("target_session_attrs", "read-write")
	u.Host, u.RawQuery = fmt.Sprintf("%s,127.0.0.1:%s", u.Host, b.port), q.Encode()
	return u.String(), nil
}
