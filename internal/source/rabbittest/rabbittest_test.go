package rabbittest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asServer makes this program one that starts a server and is killed.
const asServer = "RABBITTEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		os.Exit(m.Run())
	}
	bin, err := find()
	if err == nil {
		var s *Server
		if s, err = settle(bin); err == nil {
			if err = s.Restart(); err == nil {
				fmt.Println(s.dir, s.process.Process.Pid)
				select {}
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A test process that is killed takes its server with it.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	if _, err := find(); err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), asServer+"=1"), os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir, id, _ := strings.Cut(strings.TrimSpace(line), " ")
	group, err := strconv.Atoi(id)
	if err == nil {
		err = cmd.Process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	tick, end := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		_, stat := os.Stat(dir)
		if errors.Is(stat, os.ErrNotExist) && !lives(group) {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: %v; the group %d lives: %t", dir, stat, group, lives(group))
		}
	}
}
