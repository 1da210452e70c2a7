package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
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
		Long: `Read a profile and say all that is wrong with it, a line each with the place and
the mend: what cannot be read, names that nothing has, values that are not there
yet, and what contradicts itself. Notes are no faults: what nothing uses, what a
browser may mind, a variable that has no value yet.

Then, where the file, --target or --adapter names a Relying Party, register and
log in one user through the virtual client, with every request and answer shown, secrets
redacted. A variable without a value is a fault then.

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
	vars, err := variables(f.vars)
	if err != nil {
		return err
	}
	found := target.CheckProfile(f.profile, data)
	p := found.Profile
	tried := false
	if p != nil {
		_, hasAdapter := p.Adapter()
		tried = f.target != "" || f.adapter != "" || hasAdapter || p.HasTarget()
		found.Notes = append(found.Notes, p.ShortSecrets(vars)...)
		if missing := p.Unbound(vars); tried {
			found.Faults = append(found.Faults, missing...)
		} else {
			for _, e := range missing {
				e.Message = "it cannot be run yet: " + e.Message
			}
			found.Notes = append(found.Notes, missing...)
		}
	}
	if len(found.Faults) > 0 {
		if err := tellFindings(stdout, found); err != nil {
			return err
		}
		return usage("", "%s: %s", f.profile, count(len(found.Faults), "fault", "faults"))
	}
	if err := describeProfile(stdout, p); err != nil {
		return err
	}
	if len(found.Notes) > 0 {
		fmt.Fprintln(stdout)
	}
	if err := tellFindings(stdout, found); err != nil {
		return err
	}
	if !tried {
		// Bound to nowhere, for what only binding finds out.
		if len(p.Unbound(vars)) == 0 {
			if _, err := target.New(p, target.Options{URL: "https://rp.invalid", Vars: vars}); err != nil {
				return usage("", "%w", err)
			}
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

// tellFindings lists what is wrong with a profile and what should be looked at, a
// line each: the place as editors read it and as a JSON Pointer.
func tellFindings(w io.Writer, found target.Findings) error {
	var b strings.Builder
	for _, list := range []struct {
		kind string
		list []*target.Error
	}{{"error", found.Faults}, {"note", found.Notes}} {
		for _, e := range list.list {
			b.WriteString(visible(e.File))
			if e.Line > 0 {
				fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
			}
			fmt.Fprintf(&b, ": %s: ", list.kind)
			if e.Pointer != "" {
				fmt.Fprintf(&b, "%s: ", visible(e.Pointer))
			}
			b.WriteString(visible(e.Message) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
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
		fmt.Fprintf(w, "\n  %s\n  > %s %s\n", e.Step, e.Method, visible(e.URL))
		tellHeaders(w, ">", e.RequestHeaders)
		tellBody(w, ">", e.RequestBody)
		if e.Status == 0 {
			fmt.Fprintf(w, "  < no answer: %s\n", visible(e.Note))
			continue
		}
		fmt.Fprintf(w, "  < %s\n", strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
		tellHeaders(w, "<", e.ResponseHeaders)
		tellBody(w, "<", e.ResponseBody)
	}
}

// tellHeaders shows header fields by name, each value on a line. Secrets are taken
// out of them already.
func tellHeaders(w io.Writer, mark string, fields map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, v := range fields[name] {
			if runes := []rune(v); len(runes) > 500 {
				v = string(runes[:500]) + fmt.Sprintf(" ... %d more characters", len(runes)-500)
			}
			fmt.Fprintf(w, "  %s %s: %s\n", mark, visible(name), visible(v))
		}
	}
}

// tellBody shows a body, line by line and not without end.
func tellBody(w io.Writer, mark, text string) {
	const most = 40
	if text == "" {
		return
	}
	fmt.Fprintf(w, "  %s\n", mark)
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
