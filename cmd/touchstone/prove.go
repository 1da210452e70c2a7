package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/internal/prove"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// proveFlags are the flags of prove.
type proveFlags struct {
	bugs, checks       []string
	json, html, resume string
	seed               string
	jobs               int
	allChecks          bool
}

func proveCommand() *cobra.Command {
	var f proveFlags
	cmd := &cobra.Command{
		Use:   "prove",
		Short: "Prove that the suite detects: run it against each bug of the reference RP",
		Long: `Put the suite to the reference RP with each of its deliberate bugs in turn, and
print the kill table: the bugs that no check noticed, the checks that noticed
no bug, and what caught all others.

Exit codes: 0 every bug was caught, and every check caught one or is excused;
1 a bug survived or a check is idle; 2 usage; 4 the harness itself went wrong;
130 interrupted, --resume goes on from the table written with --json.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.bugs, "bug", nil, "only bugs whose name matches the `glob`; may be repeated")
	fl.StringArrayVar(&f.checks, "check", nil, "only checks whose id matches the `glob`; may be repeated")
	fl.StringVar(&f.json, "json", "", "write the table as JSON to `file`, - for stdout")
	fl.StringVar(&f.html, "html", "", "write it as one HTML page to `file`")
	fl.StringVar(&f.resume, "resume", "", "keep the results of an earlier table, a JSON `file`, where suite and seed are the same")
	fl.StringVar(&f.seed, "seed", "proof", "seed of every key and id")
	fl.BoolVar(&f.allChecks, "all-checks", false, "put every check to every bug, also where the bug would answer all that a check sends as the sound RP does")
	fl.IntVar(&f.jobs, "jobs", 0, "bugs at once (default the number of processors)")
	return cmd
}

func (f *proveFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	cfg := prove.Config{Seed: f.seed, Jobs: f.jobs, Version: version(), AllChecks: f.allChecks}
	var err error
	if len(f.bugs) > 0 {
		if cfg.Bugs, err = selectBugs(f.bugs); err != nil {
			return err
		}
	}
	if len(f.checks) > 0 {
		if cfg.Checks, err = suites.Select(suites.Catalogue(), f.checks); err != nil {
			return usage("touchstone list shows every check", "%w", err)
		}
	}
	if f.resume != "" {
		data, err := os.ReadFile(f.resume)
		if err == nil {
			cfg.Earlier = &prove.Table{}
			err = json.Unmarshal(data, cfg.Earlier)
		}
		if err != nil {
			return usage("prove --json writes one", "--resume: %w", err)
		}
		if err := cfg.Earlier.Continues(cfg); err != nil {
			return usage("leave --resume out, or ask for the same proof", "--resume %s: %w", f.resume, err)
		}
	}
	if err := (&runFlags{json: f.json, html: f.html}).checkOutputs(); err != nil {
		return err
	}
	cfg.Progress = func(done, total int, r prove.Result) {
		word := fmt.Sprintf("killed by %d", len(r.KilledBy))
		switch {
		case r.Error != "":
			word = "error: " + r.Error
		case !r.Killed():
			word = "SURVIVES"
		}
		fmt.Fprintf(stderr, "%d of %d  %s  %s\n", done, total, r.Name, word)
	}
	if f.json != "" && f.json != "-" {
		// A proof that is killed outright leaves what it had. That it cannot be
		// written shows at the end, too, and is told there.
		cfg.Save = func(t *prove.Table) { _ = replaceFile(f.json, func(w io.Writer) error { return writeJSON(w, t) }) }
	}
	// Hundreds of runs make garbage and keep little: memory is cheaper here than collecting it.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	t, err := prove.Run(ctx, cfg)
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if err := f.write(t, stdout); err != nil {
		return &exit{code: exitHarness, err: err}
	}
	for _, r := range t.Bugs {
		if r.Error != "" {
			return &exit{code: exitHarness, err: fmt.Errorf("bug %s: %s", r.Name, r.Error)}
		}
	}
	switch {
	case !t.Complete:
		return &exit{code: exitInterrupted, err: errors.New("the proof was interrupted"), hint: "--resume goes on from a table written with --json"}
	case !t.Good():
		return &exit{code: exitFailed}
	}
	return nil
}

func (f *proveFlags) write(t *prove.Table, stdout io.Writer) error {
	taken := false
	for _, form := range []struct {
		file  string
		write func(io.Writer) error
	}{
		{f.json, func(w io.Writer) error { return writeJSON(w, t) }},
		{f.html, t.WriteHTML},
	} {
		switch form.file {
		case "":
		case "-":
			taken = true
			if err := form.write(stdout); err != nil {
				return err
			}
		default:
			if err := writeFile(form.file, form.write); err != nil {
				return err
			}
		}
	}
	if taken {
		return nil
	}
	return t.WriteText(stdout)
}

// selectBugs are the bugs whose name matches a glob.
func selectBugs(globs []string) ([]rp.Bug, error) {
	var out []rp.Bug
	keep := map[string]bool{}
	for _, g := range globs {
		n := 0
		for _, b := range rp.Bugs() {
			if suites.GlobMatch(g, b.Name) {
				keep[b.Name] = true
				n++
			}
		}
		if n == 0 {
			_, err := rp.FindBug(g)
			return nil, usage("touchstone list --bugs shows them all", "--bug: %w", err)
		}
	}
	for _, b := range rp.Bugs() {
		if keep[b.Name] {
			out = append(out, b)
		}
	}
	return out, nil
}

// listBugs lists the bugs of the reference RP, class by class.
func listBugs(w io.Writer, asJSON bool) error {
	bugs := rp.Bugs()
	if asJSON {
		return writeJSON(w, bugs)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	var classes []string
	by := map[string][]rp.Bug{}
	for _, b := range bugs {
		if by[b.Class] == nil {
			classes = append(classes, b.Class)
		}
		by[b.Class] = append(by[b.Class], b)
	}
	for _, class := range classes {
		fmt.Fprintf(tw, "\n%s\t\t\n", class)
		for _, b := range by[class] {
			title := b.Title
			if len(b.ModelledOn) > 0 {
				title += " (" + strings.Join(b.ModelledOn, ", ") + ")"
			}
			fmt.Fprintf(tw, "  %s\t%s\t%s\n", b.Name, b.Severity, title)
		}
	}
	fmt.Fprintf(tw, "\n%d bugs; touchstone serve --bug NAME serves one, touchstone prove tries all\n", len(bugs))
	return tw.Flush()
}
