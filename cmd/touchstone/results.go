package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/reports"
)

func readReport(name string) (*reports.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, usage("", "%w", err)
	}
	defer file.Close()
	r, err := reports.ReadJSON(name, file)
	if err != nil {
		return nil, usage("touchstone run --json FILE writes one", "%w", err)
	}
	return r, nil
}

func mergeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "merge OUT.json IN.json...",
		Short: "Make one report of the reports of several shards",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("touchstone merge all.json shard-1.json shard-2.json", "merge takes the file to write and at least one report, got %d files", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var parts []*reports.Report
			for _, name := range args[1:] {
				r, err := readReport(name)
				if err != nil {
					return err
				}
				parts = append(parts, r)
			}
			all, err := reports.Merge(parts...)
			if err != nil {
				return usage("", "%w", err)
			}
			if err := writeFile(args[0], func(w io.Writer) error { return reports.WriteJSON(w, all) }); err != nil {
				return usage("", "%w", err)
			}
			return ended(all, false)
		},
	}
}

// ended is the error that makes the process exit as the report asks; nil for 0.
func ended(r *reports.Report, strict bool) error {
	code := reports.ExitCode(r, strict)
	if code == exitOK {
		return nil
	}
	return &exit{code: code}
}

func diffCommand() *cobra.Command {
	var strict, asJSON bool
	cmd := &cobra.Command{
		Use:   "diff OLD.json NEW.json",
		Short: "Say what changed between two reports; exit 1 when something is newly red",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("touchstone diff old.json new.json", "diff takes two reports, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			older, err := readReport(args[0])
			if err != nil {
				return err
			}
			newer, err := readReport(args[1])
			if err != nil {
				return err
			}
			d := reports.Diff(older, newer, strict)
			out := cmd.OutOrStdout()
			if asJSON {
				err = writeJSON(out, d)
			} else {
				err = reports.WriteDiff(out, d, reports.TerminalOptions{Width: columns(), Color: colour(out), Strict: strict})
			}
			if err != nil {
				return &exit{code: exitHarness, err: err}
			}
			if code := d.ExitCode(); code != exitOK {
				return &exit{code: code}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "a warning counts as red")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

func baselineCommand() *cobra.Command {
	var reason, old string
	var strict bool
	cmd := &cobra.Command{
		Use:   "baseline REPORT.json --reason TEXT",
		Short: "Write a baseline that accepts what is red in a report",
		Long: `Write a baseline to stdout: a YAML file that lists every red result of the
report with the reason why it is accepted. run --baseline then exits 0 as long
as nothing else is red, and 1 when something on the list passes.`,
		Args: exactlyOne("baseline takes one report", "touchstone baseline report.json --reason 'ticket 123' > baseline.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := readReport(args[0])
			if err != nil {
				return err
			}
			var before *reports.Baseline
			if old != "" {
				data, err := os.ReadFile(old)
				if err != nil {
					return usage("", "--update: %w", err)
				}
				if before, err = reports.ParseBaseline(old, data); err != nil {
					return usage("", "%w", err)
				}
			}
			b, err := reports.NewBaseline(r, before, reason, strict)
			if err != nil {
				return usage("add --reason", "%w", err)
			}
			text, err := b.YAML()
			if err != nil {
				return &exit{code: exitHarness, err: err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s", text)
			return err
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why these results are accepted")
	cmd.Flags().StringVar(&old, "update", "", "take reasons over from this baseline `file`")
	cmd.Flags().BoolVar(&strict, "strict", false, "accept warnings too")
	return cmd
}
