// Command touchstone tells whether a WebAuthn Relying Party does what the
// specification says.
//
// The result goes to stdout, progress and errors to stderr. Errors read
// "touchstone: …", followed by "hint: …" where there is a mend to name.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes of the public contract.
const (
	exitOK          = 0
	exitFailed      = 1   // a scored fail or not-testable, or an unexpected pass
	exitUsage       = 2   // usage or configuration
	exitUnreachable = 3   // no HTTP answer at the first health ceremony, or the target went away
	exitHarness     = 4   // the harness itself went wrong
	exitInterrupted = 130 // interrupted
)

// exit is an error that carries an exit code, and a hint for the user.
type exit struct {
	code int
	err  error
	hint string
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

// usage is a mistake in the command line or a file it names.
func usage(hint, format string, args ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main without the process: what tests call.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(args)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{code: exitUsage, err: err, hint: "touchstone --help lists the commands and their flags"}
	}
	if e.err != nil {
		fmt.Fprintf(stderr, "touchstone: %s\n", strings.ReplaceAll(e.err.Error(), "\n", " "))
		if e.hint != "" {
			fmt.Fprintf(stderr, "hint: %s\n", e.hint)
		}
	}
	return e.code
}

func newRoot(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "touchstone",
		Short: "Test whether a WebAuthn Relying Party does what the specification says",
		Long: `Touchstone puts a WebAuthn/FIDO2 Relying Party to the test: valid ceremonies it
must accept, and ceremonies with exactly one fault that it must refuse.

  touchstone run                                    the reference RP, all dialects
  touchstone run --target https://rp.test           an RP that speaks the FIDO server API
  touchstone run --target URL --profile rp.yaml     any other RP, described in a file
  touchstone init --target URL -o rp.yaml           a first such file`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetVersionTemplate("touchstone {{.Version}}\n")
	root.AddCommand(runCommand(args), compareCommand(), replayCommand(args), serveCommand(), initCommand(), profileCommand(), authenticatorCommand(), proveCommand(), listCommand(), explainCommand(), mergeCommand(), diffCommand(), baselineCommand())
	return root
}

// version is the module's version, with the commit for a build from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && !strings.Contains(v, s.Value[:12]) {
			v += "+" + s.Value[:12]
		}
	}
	return v
}
