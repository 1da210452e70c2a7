package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/discover"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

type initFlags struct {
	target, rpID, origin, out string
	shapes, vars              []string
	force                     bool
	timeout                   time.Duration
}

func initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init --target URL",
		Short: "Probe a Relying Party and write a first profile",
		Long: `Ask a Relying Party for registration options in the shapes that are known, find
the options in its answers, register and log in with them, and write a profile
from what came back, with comments that say what was observed and what was not.

The accounts that this makes are called touchstone-init-…. Without -o the
profile goes to standard output; what was asked and answered goes to standard
error.

Exit codes: 0 a user registered and logged in with the profile; 1 nothing fits,
or the profile does not work yet; 2 usage; 3 no HTTP answer came.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.target, "target", "", "`URL` of the Relying Party, with the path that its API is below")
	fl.StringVarP(&f.out, "output", "o", "", "`file` to write (default standard output)")
	fl.BoolVar(&f.force, "force", false, "write over a file that is there")
	fl.StringArrayVar(&f.shapes, "shape", nil, "look for this `shape` or dialect only; may be repeated")
	fl.StringArrayVar(&f.vars, "var", nil, "set a variable of the profiles that have it, `name=value`, and write it into the file; may be repeated")
	fl.StringVar(&f.rpID, "rp-id", "", "RP ID (default what the options say)")
	fl.StringVar(&f.origin, "origin", "", "origin of the pages (default that of the target, or of the RP ID)")
	fl.DurationVar(&f.timeout, "timeout", 5*time.Second, "deadline for each request")
	return cmd
}

func (f *initFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	if f.target == "" {
		return usage("touchstone init --target https://rp.test -o rp.yaml", "init needs a target")
	}
	// An IP address will do here: the options name the RP ID.
	if err := checkTarget(f.target, "asked"); err != nil {
		return err
	}
	u, err := url.Parse(f.target)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return usage("give scheme, host and path alone", "--target has more than scheme, host and path")
	}
	if f.out != "" && !f.force {
		if _, err := os.Lstat(f.out); err == nil {
			return usage("another -o, or --force", "%s is there already, and is not written over", f.out)
		}
	}
	vars, err := variables(f.vars)
	if err != nil {
		return err
	}
	found, err := discover.Find(ctx, discover.Config{
		URL: strings.TrimRight(f.target, "/"), RPID: f.rpID, Origin: f.origin, Timeout: f.timeout, Shapes: f.shapes, Vars: vars, Version: version(),
		Try: tryPlain,
		Told: func(a discover.Asked) {
			mark := " "
			if a.Options {
				mark = "*"
			}
			fmt.Fprintf(stderr, "%s %-15s %-46s %s\n", mark, a.Shape, a.Request, a.Said)
		},
	})
	switch {
	case ctx.Err() != nil:
		return &exit{code: exitInterrupted, err: errors.New("interrupted")}
	case errors.Is(err, discover.ErrShape):
		return usage("without --shape all are tried", "--shape: %w", err)
	case errors.Is(err, discover.ErrConfig):
		return usage("--rp-id is a domain, --origin is as https://rp.test", "%w", err)
	case errors.Is(err, discover.ErrSilent):
		return &exit{code: exitUnreachable, err: fmt.Errorf("--target %s: %w", f.target, err), hint: "is the target running, and is the address right?"}
	case err != nil:
		return &exit{code: exitHarness, err: err}
	}
	if found.Profile == nil {
		hint := "give the path that the API is below in --target; or write a profile by docs/profile.md, with examples/profiles as examples"
		switch {
		case found.Redirect != "":
			hint = fmt.Sprintf("it redirects to %s, which is not followed; if the RP is there, give that in --target", visible(found.Redirect))
		case len(found.Guarded) > 0:
			hint = fmt.Sprintf("answered 401 or 403: %s; the RP may want another --origin, a key, or a login, which a profile says under account (docs/profile.md)", strings.Join(found.Guarded, ", "))
		}
		return &exit{code: exitFailed, err: fmt.Errorf("%s answered, but none of the requests above brought creation options", f.target), hint: hint}
	}
	if f.out == "" {
		if _, err := stdout.Write(found.Profile); err != nil {
			return &exit{code: exitHarness, err: err}
		}
	} else if err := writeNew(f.out, found.Profile, f.force); err != nil {
		return usage("another -o, or --force where the file is there already", "%w", err)
	}
	f.tell(stderr, found)
	if !found.OK {
		return &exit{code: exitFailed}
	}
	return nil
}

// writeNew makes a file; one that came to be since is not written over either.
func writeNew(name string, data []byte, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	out, err := os.OpenFile(name, flags, 0o666)
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return errors.Join(err, out.Close())
}

// tell says what was found and what to type next.
func (f *initFlags) tell(w io.Writer, found *discover.Finding) {
	what := "it has the shape of " + found.Title
	switch {
	case found.Dialect != "":
		what = "it speaks the shipped dialect " + found.Dialect
	case found.Example != "":
		what = "the example profile " + found.Example + " fits"
	}
	fmt.Fprintf(w, "\n%s: %s\n", f.target, what)
	if len(found.Also) > 0 {
		fmt.Fprintf(w, "also answered: %s (--shape NAME writes that one's profile)\n", strings.Join(found.Also, ", "))
	}
	if found.OK {
		fmt.Fprintln(w, "a user registered and logged in with the profile")
	} else {
		fmt.Fprintf(w, "with the profile no user registered and logged in yet: %s\n", visible(found.Said))
	}
	name := f.out
	if name == "" {
		name = "FILE"
	}
	fmt.Fprintf(w, "next: touchstone profile check %s\n      touchstone run --profile %s\n", quote(name), quote(name))
}

// tryPlain puts the plain ceremonies of the suite to a target, as profile check does.
func tryPlain(ctx context.Context, t *target.Target) (bool, string, error) {
	checks, err := suites.Select(suites.Catalogue(), plainChecks)
	if err != nil {
		return false, "", err
	}
	report, err := suites.Run(ctx, suites.Config{
		Targets: []*target.Target{t}, Clients: []client.Client{client.NewVirtual()}, Checks: checks,
		Seed: randomHex(4), Nonce: randomHex(8), Jobs: 1, NoFeatures: true, Version: version(),
	})
	if err != nil {
		return false, "", err
	}
	for _, h := range report.Health {
		if !h.OK {
			return false, h.Message, ctx.Err()
		}
	}
	for _, c := range report.Checks {
		if c.Verdict != reports.Pass {
			return false, c.ID + ": " + c.Message, ctx.Err()
		}
	}
	return len(report.Checks) > 0, "", ctx.Err()
}
