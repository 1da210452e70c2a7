// Testsummary turns the event stream of go test -json into what a person reads:
// one line a package, the output of whatever failed, every skip with its reason,
// and a closing line.
//
//	go test -json ./... | testsummary
//	testsummary -fail-on-skip -- go test -json ./...
//
// With a command it runs that command and reads its standard output, so that a
// command that dies before it prints an event is not taken for a success, which a
// pipe in sh would do.
//
// A skip whose reason starts with "optional:" or "not applicable:" is listed but
// never counts against -fail-on-skip: the first says that other tests cover the
// same, the second that there is nothing to test.
//
// Exit status: 0 everything passed; 1 a failure, a skip under -fail-on-skip, a
// stream that stops in the middle, or no test at all; 2 usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("testsummary", flag.ContinueOnError)
	flags.SetOutput(stderr)
	failOnSkip := flags.Bool("fail-on-skip", false, "fail when a test was skipped for a reason that does not start with "+harmlessWords())
	trim := flags.String("trim", "github.com/touchstone-webauthn/touchstone/", "prefix to leave out of package `path`s")
	if err := flags.Parse(args); err != nil {
		return 2
	}

	s := newSummary(stdout, *trim)
	commandFailed := false
	if command := flags.Args(); len(command) > 0 {
		err := readCommand(s, command, stderr)
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			commandFailed = true
		case err != nil:
			fmt.Fprintf(stderr, "testsummary: %v\n", err)
			return 1
		}
	} else if err := s.read(stdin); err != nil {
		fmt.Fprintf(stderr, "testsummary: read standard input: %v\n", err)
		return 1
	}

	verdict := s.finish(*failOnSkip)
	if commandFailed && verdict == nil {
		verdict = errors.New("the test command failed though no test did")
	}
	if verdict != nil {
		fmt.Fprintf(stderr, "testsummary: %v\n", verdict)
		return 1
	}
	return 0
}

// readCommand runs a command and feeds its standard output to s. An *exec.ExitError
// means that it ran and failed; s has then read everything it printed.
func readCommand(s *summary, command []string, stderr io.Writer) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run %s: %w", command[0], err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s: %w", command[0], err)
	}
	readErr := s.read(out)
	if readErr != nil {
		// Nobody reads any more: let the command notice rather than block for ever.
		_ = out.Close()
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	if readErr != nil {
		return fmt.Errorf("read the output of %s: %w", command[0], readErr)
	}
	return nil
}
