//go:build unix

// Withpeer starts a server, waits until it says where it listens, runs a command
// against it, and stops the server and everything it started, whatever happened.
//
//	withpeer [-dir DIR] [-ready REGEXP] [-timeout D] -- SERVER ARG… -- COMMAND ARG…
//
// The server runs in -dir and in a process group of its own. It is ready when it
// prints a line that -ready matches; the first group of the expression is its URL,
// which replaces every {url} in the command's arguments. What else the server
// prints goes to standard error.
//
// Exit status: the command's own; 1 when the server does not come up or dies while
// the command runs; 2 usage; 130 and 143 after SIGINT and SIGTERM, as a shell has it.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// grace is how long the server may take to stop by itself after SIGTERM.
const grace = 5 * time.Second

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	status, err := run(os.Args[1:], signals, os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "withpeer: %v\n", err)
	}
	os.Exit(status)
}

func run(args []string, signals <-chan os.Signal, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	flags := flag.NewFlagSet("withpeer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "folder to start the server in")
	ready := flags.String("ready", `^ready (\S+)$`, "`regexp` of the line that says the server listens; its first group is the URL")
	timeout := flags.Duration("timeout", 30*time.Second, "how long the server may take to be ready")
	if err := flags.Parse(args); err != nil {
		return 2, nil // flag has said it
	}
	pattern, err := regexp.Compile(*ready)
	if err != nil {
		return 2, fmt.Errorf("-ready: %w", err)
	}
	if pattern.NumSubexp() < 1 {
		return 2, fmt.Errorf("-ready %q has no group for the URL", *ready)
	}
	rest := flags.Args()
	split := slices.Index(rest, "--")
	if split < 1 || split == len(rest)-1 {
		return 2, errors.New("want -- SERVER ARG… -- COMMAND ARG…")
	}

	p, err := start(rest[:split], *dir, pattern, stderr)
	if err != nil {
		return 1, err
	}
	defer p.stop()

	var url string
	select {
	case url = <-p.ready:
	case <-p.exited:
		// It may have been ready first: select picks at random when both are so.
		select {
		case url = <-p.ready:
		default:
			return 1, fmt.Errorf("%s ended before it was ready: %w", rest[0], p.reason())
		}
	case sig := <-signals:
		return signalStatus(sig), nil
	case <-time.After(*timeout):
		return 1, fmt.Errorf("%s printed no line that matches %q within %v", rest[0], *ready, *timeout)
	}

	command := slices.Clone(rest[split+1:])
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "{url}", url)
	}
	status, err := runCommand(command, signals, stdin, stdout, stderr)
	if err != nil {
		return status, err
	}
	select {
	case <-p.exited:
		// Whatever the command made of it, it did not talk to the server it was meant to.
		if status == 0 {
			status = 1
		}
		return status, fmt.Errorf("%s ended while the command ran: %w", rest[0], p.reason())
	default:
	}
	return status, nil
}

// runCommand runs the command to its end and returns its exit status. A signal to
// this process is passed on, and the command decides what to make of it.
func runCommand(command []string, signals <-chan os.Signal, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("run %s: %w", command[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			// A terminal sends its SIGINT to the command as well; once more does no harm.
			_ = cmd.Process.Signal(sig)
		case err := <-done:
			var exit *exec.ExitError
			switch {
			case err == nil:
				return 0, nil
			case !errors.As(err, &exit):
				return 1, fmt.Errorf("run %s: %w", command[0], err)
			}
			if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				return signalStatus(ws.Signal()), nil
			}
			return exit.ExitCode(), nil
		}
	}
}

func signalStatus(sig os.Signal) int {
	if s, ok := sig.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 1
}

// peer is the running server.
type peer struct {
	cmd    *exec.Cmd
	ready  chan string   // the URL, once
	exited chan struct{} // closed when the process is gone
	err    error         // of Wait; read after exited
}

func start(command []string, dir string, ready *regexp.Regexp, log io.Writer) (*peer, error) {
	p := &peer{cmd: exec.Command(command[0], command[1:]...), ready: make(chan string, 1), exited: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stderr = log
	// A group of its own: a package runner or shell in between must not outlive us
	// by handing the server to init.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A grandchild may hold the pipes after the server is gone.
	p.cmd.WaitDelay = time.Second
	lines, w := io.Pipe()
	p.cmd.Stdout = w
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		br := bufio.NewReader(lines)
		for sent := false; ; {
			line, err := br.ReadString('\n')
			if m := ready.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil && !sent {
				sent = true
				p.ready <- m[1]
			} else if line != "" {
				fmt.Fprint(log, line)
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		p.err = p.cmd.Wait()
		_ = w.Close()
		<-read // a server that was ready and is gone was ready
		close(p.exited)
	}()
	return p, nil
}

// reason is why the server is gone; call it after exited is closed.
func (p *peer) reason() error {
	if p.err != nil {
		return p.err
	}
	return errors.New("exit status 0")
}

// stop ends the server's whole group: first with a request, then without.
func (p *peer) stop() {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(grace):
	}
	// Also when the leader went quietly: what it started may have stayed.
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-p.exited
}
