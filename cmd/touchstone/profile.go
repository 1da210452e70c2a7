package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// plainChecks are the valid ceremonies that profile check runs dry with.
var plainChecks = []string{"registration.accepted.plain", "authentication.accepted.plain"}

func profileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "Work on a profile, the file that says how to speak to an RP",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("touchstone profile check FILE", "profile needs a command")
		},
	}
	cmd.AddCommand(profileCheckCommand(), profileSchemaCommand())
	return cmd
}

func profileCheckCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a profile and where, and try it with one ceremony of each kind",
		Long: `Read a profile and say what is wrong with it, with the line and the mend; then,
where the file, --target or --adapter names a Relying Party, register and log in one user
through the virtual client, with every request and answer shown.

Exit codes: 0 the profile is sound and the ceremonies succeeded, or none was
asked for; 1 the Relying Party refused a valid ceremony or answered it in no
form of the profile, or has what the profile says it has not; 2 the profile is wrong; 3 no HTTP answer came.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("touchstone profile check rp.yaml", "profile check takes one file, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.profile = args[0]
			return f.checkProfile(cmd.Context(), cmd.OutOrStdout())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.target, "target", "", "`URL` of the Relying Party, where the file names none or another")
	fl.StringVar(&f.adapter, "adapter", "", adapterUsage)
	fl.StringVar(&f.rpID, "rp-id", "", "RP ID (default the profile's, or the host of the target)")
	fl.StringVar(&f.origin, "origin", "", "origin of the pages (default the profile's, or that of the target)")
	fl.StringArrayVar(&f.vars, "var", nil, "set a variable of the profile, `name=value`; may be repeated")
	fl.DurationVar(&f.timeout, "timeout", 10*time.Second, "deadline for each request")
	return cmd
}

func (f *runFlags) checkProfile(ctx context.Context, stdout io.Writer) error {
	data, err := os.ReadFile(f.profile)
	if err != nil {
		return usage("", "%w", err)
	}
	p, err := target.LoadProfile(f.profile, data)
	if err != nil {
		return usage("", "%w", err)
	}
	if err := describeProfile(stdout, p); err != nil {
		return err
	}
	_, hasAdapter := p.Adapter()
	if f.target == "" && f.adapter == "" && !hasAdapter && !p.HasTarget() {
		// Bound to nowhere, for what only binding finds out, such as a secret that is not set.
		vars, err := variables(f.vars)
		if err != nil {
			return err
		}
		if _, err := target.New(p, target.Options{URL: "https://rp.invalid", Vars: vars}); err != nil {
			fmt.Fprintf(stdout, "\nnote: it cannot be run yet: %v\n", err)
		}
		_, err = fmt.Fprintln(stdout, "\nthe profile is sound; --target URL tries it with a registration and a login")
		return err
	}
	f.seed = randomHex(4)
	endAdapter, err := f.startAdapter(ctx)
	if err != nil {
		return err
	}
	defer endAdapter()
	targets, err := f.targets()
	if err != nil {
		return err
	}
	endMetadata, err := serveMetadata(targets)
	if err != nil {
		return err
	}
	defer endMetadata()
	checks, err := suites.Select(suites.Catalogue(), plainChecks)
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	report, err := suites.Run(ctx, suites.Config{
		Targets: targets, Clients: []client.Client{client.NewVirtual()}, Checks: checks,
		Seed: f.seed, Nonce: randomHex(8), Jobs: 1, KeepExchanges: true, Version: version(),
	})
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if err := tellTrial(stdout, report); err != nil {
		return err
	}
	if err := finished(report, false); err != nil {
		return err
	}
	if len(report.Features) > 0 {
		return &exit{code: exitFailed}
	}
	return nil
}

// describeProfile says what a profile has and does not.
func describeProfile(w io.Writer, p *target.Profile) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "profile\t%s, dialect %s\n", p.Name(), p.Dialect())
	if p.Title() != "" {
		fmt.Fprintf(tw, "title\t%s\n", p.Title())
	}
	if a, ok := p.Adapter(); ok {
		fmt.Fprintf(tw, "adapter\t%s\n", visible(strings.Join(quoteAll(a.Command), " ")))
	}
	fmt.Fprintf(tw, "ceremonies\t%s\n", strings.Join(p.Ceremonies(), ", "))
	var has, not []string
	var absent []string
	for _, info := range target.Features() {
		if info.Policy {
			continue
		}
		switch declared := p.Feature(info.Name); {
		case declared.Absent != "":
			absent = append(absent, info.Name)
		case declared.Declared:
			has = append(has, info.Name)
		default:
			not = append(not, info.Name)
		}
	}
	for _, list := range []struct {
		title string
		names []string
	}{{"declared to be there", has}, {"not said", not}} {
		if len(list.names) > 0 {
			fmt.Fprintf(tw, "%s\t%s\n", list.title, strings.Join(list.names, ", "))
		}
	}
	for i, name := range absent {
		title := ""
		if i == 0 {
			title = "declared absent"
		}
		fmt.Fprintf(tw, "%s\t%s: %s\n", title, name, p.Feature(name).Absent)
	}
	return tw.Flush()
}

// tellTrial shows each ceremony with all that was said.
func tellTrial(w io.Writer, r *reports.Report) error {
	var b strings.Builder
	for _, h := range r.Health {
		if !h.OK {
			fmt.Fprintf(&b, "\n%s ceremonies: %s\n", h.When, h.Message)
			tellExchanges(&b, h.Exchanges)
			break
		}
	}
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "\n%s: %s\n", c.ID, c.Verdict)
		if c.Message != "" {
			fmt.Fprintf(&b, "  %s\n", c.Message)
		}
		tellExchanges(&b, c.Exchanges)
	}
	for _, found := range r.Features {
		fmt.Fprintf(&b, "\n%s: %s\n", found.Feature, found.Message)
	}
	passed := len(r.Checks) > 0 && !slices.ContainsFunc(r.Checks, func(c reports.Check) bool { return c.Verdict != reports.Pass })
	switch {
	case passed && len(r.Features) == 0:
		b.WriteString("\nthe profile is sound, and a user registered and logged in\n")
	case passed:
		b.WriteString("\na user registered and logged in, but the Relying Party is not what the profile says\n")
	default:
		b.WriteString("\nthe profile can be read, but no user registered and logged in with it\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tellExchanges(w io.Writer, list []reports.Exchange) {
	for _, e := range list {
		fmt.Fprintf(w, "\n  %s\n  > %s %s\n", e.Step, e.Method, e.URL)
		tellBody(w, ">", e.RequestBody)
		if e.Status == 0 {
			fmt.Fprintf(w, "  < no answer: %s\n", e.Note)
			continue
		}
		fmt.Fprintf(w, "  < %d %s\n", e.Status, strings.Join(e.ResponseHeaders["Content-Type"], ", "))
		tellBody(w, "<", e.ResponseBody)
	}
}

// tellBody shows a body, line by line and not without end.
func tellBody(w io.Writer, mark, text string) {
	const most = 40
	if text == "" {
		return
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if i == most {
			fmt.Fprintf(w, "  %s ... %d more lines\n", mark, len(lines)-most)
			return
		}
		if runes := []rune(line); len(runes) > 2000 {
			line = string(runes[:2000]) + fmt.Sprintf(" ... %d more characters", len(runes)-2000)
		}
		fmt.Fprintf(w, "  %s %s\n", mark, visible(line))
	}
}

// visible keeps what a stranger sent from moving the cursor.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
