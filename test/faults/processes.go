//go:build unix

package faults

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// restartAfter is when a process is started again after its end. Nothing of the one
	// before is under way any more.
	restartAfter = 2 * straggling
	// leaseLength is how long a process leads that is not heard of any more.
	leaseLength = 6 * time.Second
	// takenOver is how long it may take until another leads, on a machine with much to do.
	takenOver = leaseLength + 2*time.Second
)

// A cluster is several processes on one database, each started again when it ends.
type cluster struct {
	r       *rig
	key     string
	members []*member
	turn    atomic.Uint32
	timeout time.Duration // how long a client waits for an answer

	// watch is a connection past all faults but the server's own.
	watching sync.Mutex
	server   string
	watch    *pgx.Conn
}

// A member is one process of a cluster, started again and again.
type member struct {
	c         *cluster
	name      string
	bin, data string
	database  string
	relay     *relay // nil: there is none

	stop  chan struct{} // closed when it is not to be started again
	ended chan struct{} // closed when it was not

	mu      sync.Mutex
	now     *process
	url     string
	trouble time.Time // since when it may have outcomes that it could not record
	doubt   time.Time // since when it may have lost the lease, and not know it yet
	eased   time.Time // when what was done to it was last over
	worried bool      // something is done to it now
	killed  bool      // by us
}

// newCluster starts n processes on a database, of whose server is the URL of a superuser.
// Each process goes to its database through a relay, where relays says so.
func newCluster(ctx context.Context, bins []string, data, database, server string, relays bool, seed uint64, kinds ...kind) (*rig, *cluster, error) {
	c := &cluster{key: fmt.Sprintf("faults-%016x", seed), timeout: 3 * time.Second, server: server}
	r := &rig{subject: c, journal: newJournal()}
	c.r = r
	for i, bin := range bins {
		m := &member{c: c, name: versionOf(i), bin: bin, data: filepath.Join(data, versionOf(i)), database: database}
		if relays {
			var err error
			if m.relay, m.database, err = newRelay(ctx, database); err != nil {
				c.close() //nolint:contextcheck // it has to be done in any case
				return nil, nil, err
			}
		}
		c.members = append(c.members, m)
	}
	r, err := rigOf(ctx, r, seed, kinds...)
	if err != nil {
		return nil, nil, err
	}
	r.load.ids, r.load.callers = true, 6
	return r, c, nil
}

// versionOf is the version that a process tells, and so who has sent a request.
func versionOf(i int) string { return fmt.Sprintf("process-%d", i) }

// start starts all and waits until all can work.
func (c *cluster) start(ctx context.Context) error {
	for _, m := range c.members {
		m.stop, m.ended = make(chan struct{}), make(chan struct{})
		go m.supervise(ctx)
	}
	return c.ready(ctx)
}

// ready waits until each can work.
func (c *cluster) ready(ctx context.Context) error {
	for _, m := range c.members {
		err := until(ctx, "for "+m.name+" to be ready", func() (bool, error) {
			ctx, cancel := context.WithTimeout(ctx, c.timeout)
			defer cancel()
			a, err := m.call(ctx, http.MethodGet, "/readyz", "", nil)
			return err == nil && a.status == http.StatusOK, nil
		})
		if err != nil {
			return fmt.Errorf("%w\n%s", err, m.tail())
		}
	}
	return nil
}

func (m *member) call(ctx context.Context, method, path, contentType string, body []byte) (answer, error) {
	url := m.at()
	if url == "" {
		return answer{}, syscall.ECONNREFUSED
	}
	return ask(ctx, method, url+path, m.c.key, contentType, body)
}

// call makes a request of the next one that listens, as a load balancer does.
func (c *cluster) call(ctx context.Context, method, path, contentType string, body []byte) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for ctx.Err() == nil {
		for range c.members {
			m := c.members[int(c.turn.Add(1))%len(c.members)]
			if a, err = m.call(ctx, method, path, contentType, body); !errors.Is(err, syscall.ECONNREFUSED) {
				return a, err
			}
		}
		pause(ctx, 20*time.Millisecond)
	}
	return a, cmp.Or(err, ctx.Err())
}

// terminate stops all, in their order, and wants each to do so in order.
func (c *cluster) terminate() error {
	var errs []error
	for _, m := range c.members {
		close(m.stop)
		m.mu.Lock()
		p := m.now
		m.mu.Unlock()
		select {
		case <-p.exited: // as it should not have, which ended has said
		default:
			errs = append(errs, m.end(p))
		}
		<-m.ended
	}
	return errors.Join(errs...)
}

func (c *cluster) close() {
	for _, m := range c.members {
		if m.stop != nil {
			select {
			case <-m.ended:
			default:
				select {
				case <-m.stop:
				default:
					close(m.stop)
				}
				m.mu.Lock()
				p := m.now
				m.mu.Unlock()
				if p != nil {
					_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
				}
				<-m.ended
			}
		}
		if m.relay != nil {
			m.relay.close()
		}
	}
	if c.watch != nil {
		_ = c.watch.Close(context.Background())
	}
}

func (c *cluster) tail() string {
	var b strings.Builder
	for _, m := range c.members {
		fmt.Fprintf(&b, "%s:\n%s\n", m.name, m.tail())
	}
	return b.String()
}

func (m *member) tail() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil {
		return ""
	}
	return m.now.tail()
}

// supervise starts the process whenever there is none.
func (m *member) supervise(ctx context.Context) {
	defer close(m.ended)
	for ctx.Err() == nil {
		p, err := m.launch(ctx)
		if err != nil {
			m.c.r.journal.fault("%s could not be started: %v", m.name, err)
			return
		}
		<-p.exited
		select {
		case <-m.stop:
			return
		default:
			m.exited(p)
		}
		pause(ctx, restartAfter)
		select {
		case <-m.stop: // and m.now is the one that has ended
			return
		default:
		}
	}
}

func (m *member) launch(ctx context.Context) (*process, error) {
	var lc net.ListenConfig
	free, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	at := time.Now()
	p, err := serve(ctx, m.bin, []string{
		"SWITCHHOOK_ADMIN_KEY=" + m.c.key, "SWITCHHOOK_MASTER_KEY=" + base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%-32.32s", m.c.key))),
	}, "--data", m.data, "--listen", address, "--database", m.database)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.now, m.url, m.killed = p, "http://"+address, false
	m.mu.Unlock()
	m.c.r.mu.Lock()
	m.c.r.launches = append(m.c.r.launches, launch{m.name, at})
	m.c.r.mu.Unlock()
	return p, nil
}

// up waits until the process runs and answers.
func (m *member) up(ctx context.Context) error {
	return until(ctx, "for "+m.name+" to answer", func() (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, m.c.timeout)
		defer cancel()
		a, err := m.call(ctx, http.MethodGet, "/healthz", "", nil)
		return err == nil && a.status == http.StatusOK, nil
	})
}

// kill kills the process, and reports whether it led.
func (m *member) kill(ctx context.Context) (led bool, err error) {
	if err := m.up(ctx); err != nil {
		return false, err
	}
	at := m.at()
	p, from := m.troubled(true)
	defer m.ease()
	if err := p.kill(); err != nil {
		return false, err
	}
	var leader string
	if err := m.c.ask(ctx, "SELECT url FROM lease", &leader); err != nil {
		return false, err
	}
	it := interruption{cause: "a kill", from: from, to: time.Now(), who: m.name}
	if led = leader == at; !led {
		it.cause, it.who = "a kill of one that sent for the leader", ""
	}
	m.c.r.interruption(it)
	return led, nil
}

// standStill makes the process stand still until then returns.
func (m *member) standStill(ctx context.Context, then func() error) error {
	if err := m.up(ctx); err != nil {
		return err
	}
	leader, err := m.c.leader(ctx)
	if err != nil {
		return err
	}
	p, from := m.troubled(false)
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	err = then()
	if cont := p.cmd.Process.Signal(syscall.SIGCONT); cont != nil {
		return errors.Join(err, cont)
	}
	m.ease()
	it := interruption{cause: "standing still", from: from, to: time.Now(), who: m.name, still: true}
	if leader != m {
		it.cause, it.who = "standing still of one that sent for the leader", ""
	}
	m.c.r.interruption(it)
	return err
}

// cutOff comes between the process and its database, until back.
func (m *member) cutOff(ctx context.Context, how relaying) error {
	if err := m.up(ctx); err != nil {
		return err
	}
	m.troubled(false)
	m.relay.is(how)
	return nil
}

func (m *member) back() {
	m.relay.is(passing)
	m.ease()
}

// restart stops the process in order, which costs no outcome, and lets it be started again.
func (m *member) restart(ctx context.Context) error {
	if err := m.up(ctx); err != nil {
		return err
	}
	p, _ := m.troubled(true)
	defer m.ease()
	return m.end(p)
}

// end asks the process to stop, and wants it to do so in order, unless it does already because
// it has lost the lease just before.
func (m *member) end(p *process) error {
	err := p.terminate()
	select {
	case <-p.exited:
		if m.deposed(p) {
			return nil
		}
	default:
	}
	return err
}

// troubled notes that something is done to the process from now on. What it could not record
// when something was done to it before may still not be recorded, and what it lost then it
// may not have noticed.
func (m *member) troubled(killed bool) (*process, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.killed = killed
	if now, calm := time.Now(), time.Since(m.eased); !m.worried {
		m.worried = true
		if calm > recorded {
			m.trouble = now
		}
		if calm > leaseLength {
			m.doubt = now
		}
	}
	return m.now, m.trouble
}

// ease notes that nothing is done to the process any more.
func (m *member) ease() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.worried, m.eased = false, time.Now()
}

// exited judges an end that was not asked for by terminate: it may be ours, or the process
// may have lost the lease to another.
func (m *member) exited(p *process) {
	m.mu.Lock()
	killed := m.killed
	m.mu.Unlock()
	if !killed && !m.deposed(p) {
		m.c.r.journal.fault("%s ended by itself with %d:\n%s", m.name, p.cmd.ProcessState.ExitCode(), p.tail())
	}
}

// deposed reports whether an end may be that of a process that has lost the lease to
// another, of which something that was done to it is the cause, and notes it.
func (m *member) deposed(p *process) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.cmd.ProcessState.ExitCode() != 1 || !m.worried && time.Since(m.eased) >= patience {
		return false
	}
	m.c.r.interruption(interruption{cause: "the loss of the lease", from: m.doubt, to: time.Now(), who: m.name})
	return true
}

// ask runs a query of one row at the database's server, past the relays.
func (c *cluster) ask(ctx context.Context, text string, to ...any) error {
	c.watching.Lock()
	defer c.watching.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if c.watch != nil {
		err := c.watch.QueryRow(ctx, text).Scan(to...)
		if err == nil || !c.watch.IsClosed() {
			return err
		}
	}
	var err error
	if c.watch, err = pgx.Connect(ctx, c.server); err != nil { // the server was started again
		c.watch = nil
		return err
	}
	return c.watch.QueryRow(ctx, text).Scan(to...)
}

// leader is who has the lease; nil: nobody of those that run.
func (c *cluster) leader(ctx context.Context) (*member, error) {
	var at string
	if err := c.ask(ctx, "SELECT url FROM lease", &at); err != nil {
		return nil, err
	}
	for _, m := range c.members {
		if m.at() == at {
			return m, nil
		}
	}
	return nil, nil
}

// led waits until somebody leads.
func (c *cluster) led(ctx context.Context) (who *member, err error) {
	err = until(ctx, "for a process to lead", func() (bool, error) {
		who, err = c.leader(ctx)
		return who != nil, err
	})
	return who, err
}

// follower waits until somebody leads, and returns one that does not.
func (c *cluster) follower(ctx context.Context) (*member, error) {
	leader, err := c.led(ctx)
	for _, m := range c.members {
		if m != leader {
			return m, err
		}
	}
	return nil, err
}

// taken waits until another has the lease than who was reached at a URL, and returns how long
// after from that was: not much longer than it may take.
func (c *cluster) taken(ctx context.Context, was string, from time.Time) (time.Duration, error) {
	for {
		var at string
		err := c.ask(ctx, "SELECT url FROM lease", &at)
		after := time.Since(from)
		if err != nil || at != was && at != "" {
			return after, err
		}
		if after > 2*takenOver {
			return after, fmt.Errorf("the lease was not taken within %s", after.Round(time.Millisecond))
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// at is where the member is reached.
func (m *member) at() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.url
}

// acknowledges waits until a post is acknowledged that began later than from, and returns how
// long after that it was.
func (r *rig) acknowledges(ctx context.Context, from time.Time) (after time.Duration, err error) {
	err = until(ctx, "for a post to be acknowledged", func() (bool, error) {
		posts := r.load.acknowledgedPosts()
		for i := len(posts) - 1; i >= 0 && posts[i].to.After(from); i-- {
			if posts[i].from.After(from) {
				after = posts[i].to.Sub(from)
			}
		}
		return after > 0, nil
	})
	return after, err
}
