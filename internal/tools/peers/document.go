//go:build unix

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// classes are the words that a reason in a peer's baseline starts with: whose the
// finding is. What was ours was mended and is in no baseline.
var classes = []struct{ word, title string }{
	{"bug", "their bug"},
	{"choice", "their choice"},
	{"server", "the server's"},
}

func class(reason string) (title, rest string, err error) {
	word, rest, ok := strings.Cut(reason, ": ")
	for _, c := range classes {
		if ok && c.word == word {
			return c.title, rest, nil
		}
	}
	return "", "", fmt.Errorf("reason %q starts with none of bug:, choice: and server: (one of them says whose doing it is)", reason)
}

// played is a peer with its run.
type played struct {
	peer
	report *reports.Report
	known  *reports.Baseline
}

// find returns the worst verdict of the check over the peer's clients.
func (p played) find(id string) (reports.Verdict, bool) {
	found := reports.Verdict("")
	for _, c := range p.report.Checks {
		if c.ID == id && (found == "" || slices.Index(worse, c.Verdict) > slices.Index(worse, found)) {
			found = c.Verdict
		}
	}
	return found, found != ""
}

// worse are the verdicts, each worse than the one before.
var worse = []reports.Verdict{reports.NotApplicable, reports.Pass, reports.Warn, reports.NotTestable, reports.Fail, reports.Error}

// document makes docs/peers.md of the reports and the baselines: no times, no
// ports, nothing that differs between two runs.
func document(peers []peer) ([]byte, error) {
	var all []played
	for _, p := range peers {
		r, b, err := p.read()
		if err != nil {
			return nil, err
		}
		all = append(all, played{p, r, b})
	}
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return nil, err
	}
	var w strings.Builder
	w.WriteString(`# Peers

Written by make peers-update from the runs and the baselines under peers/; do not edit.

Relying Parties that none of us wrote. Most are a library behind a small server that speaks the FIDO server API, with its library's defaults.
`)
	if own := foreign(all); own != "" {
		fmt.Fprintf(&w, "Whole ones, which speak an API of their own, are set up as their documents say and reached through a profile of examples/profiles, with nothing of ours between: %s.\n", own)
	}
	for _, p := range all {
		if p.Small {
			fmt.Fprintf(&w, "%s %s is the library behind a small server in a form of its own: [%s](../%s).\n", p.Library, p.Version, p.Profile, p.Profile)
		}
	}
	e, err := loadEvidence(evidenceFile)
	if err != nil {
		return nil, err
	}
	w.WriteString(`Each finding has a reason: their bug (the text demands what it does not do), their choice (the text leaves it open, or they say so), or the small server's own doing.
The passages of the source that show a reason are in [peers/evidence.yaml](../peers/evidence.yaml), and make peers-test looks them up in every version the reason is given for`)
	if names := without(e, peers); len(names) > 0 {
		fmt.Fprintf(&w, "; not yet for %s, whose reasons were read out of the source by hand", strings.Join(names, ", "))
	}
	w.WriteString(`.
That shows what the library does. Whether it is a bug or a choice is our reading of the text, linked in each row. Where a finding turned out to be the check's fault, the check was mended, and it is not here.

    make peers                                # all of them, compared with their baselines and with this page
    make peer PEER=gowebauthn-v0.17.4 CHECK=authentication.authenticator-data.rp-id-hash-zero

## Library by family

Checks passed of checks that could be put; what is missing is a finding below. A dash: nothing of the family applies.

`)
	if err := families(&w, all); err != nil {
		return nil, err
	}
	if err := findings(&w, all, ledger); err != nil {
		return nil, err
	}
	if err := changelog(&w, all); err != nil {
		return nil, err
	}
	absent(&w, all)
	return []byte(w.String()), nil
}

// foreign names the whole ones among the peers that speak an API of their own.
func foreign(all []played) string {
	var names []string
	for _, p := range all {
		if p.Profile != "" && !p.Small {
			names = append(names, p.Library)
		}
	}
	return strings.Join(names, ", ")
}

func family(id string) string {
	parts := strings.SplitN(id, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func families(w *strings.Builder, all []played) error {
	type count struct{ passed, put int }
	var names []string
	counts := map[string]map[string]*count{}
	for _, p := range all {
		done := map[string]bool{}
		for _, c := range p.report.Checks {
			if done[c.ID] {
				continue // through another client
			}
			done[c.ID] = true
			f := family(c.ID)
			if counts[f] == nil {
				counts[f] = map[string]*count{}
				names = append(names, f)
			}
			if counts[f][p.Name] == nil {
				counts[f][p.Name] = &count{}
			}
			n := counts[f][p.Name]
			verdict, _ := p.find(c.ID)
			switch verdict {
			case reports.Pass:
				n.passed++
				n.put++
			case reports.NotApplicable:
			default:
				n.put++
			}
		}
	}
	slices.Sort(names)
	w.WriteString("| family |")
	for _, p := range all {
		fmt.Fprintf(w, " %s %s |", p.Library, p.Version)
	}
	w.WriteString("\n| --- |" + strings.Repeat(" --- |", len(all)) + "\n")
	total := map[string]*count{}
	for _, p := range all {
		total[p.Name] = &count{}
	}
	for _, f := range names {
		row, some := "| "+f+" |", false
		for _, p := range all {
			n := counts[f][p.Name]
			if n == nil || n.put == 0 {
				row += " – |"
				continue
			}
			some = true
			total[p.Name].passed += n.passed
			total[p.Name].put += n.put
			row += fmt.Sprintf(" %d/%d |", n.passed, n.put)
		}
		if some {
			w.WriteString(row + "\n")
		}
	}
	w.WriteString("| **all** |")
	for _, p := range all {
		fmt.Fprintf(w, " **%d/%d** |", total[p.Name].passed, total[p.Name].put)
	}
	w.WriteString("\n")
	return nil
}

// findings is the table of what did not pass: a row for a check and a reason,
// with all peers of whom the same is true.
func findings(w *strings.Builder, all []played, ledger *suites.Ledger) error {
	type key struct{ id, verdict, reason string }
	var order []key
	who, needs := map[key][]string{}, map[string][]string{}
	for _, p := range all {
		for _, c := range p.known.Apply(p.report).Checks {
			if c.Verdict == reports.Pass || c.Verdict == reports.NotApplicable {
				continue
			}
			if c.Accepted == "" {
				return fmt.Errorf("%s: %s: %s is not in %s", p.Name, c.ID, c.Verdict, p.file("baseline.yaml"))
			}
			k := key{c.ID, string(c.Verdict), c.Accepted}
			if who[k] == nil {
				order = append(order, k)
			}
			if !slices.Contains(who[k], p.Name) {
				who[k] = append(who[k], p.Name)
			}
			needs[c.ID] = c.Requirements
		}
	}
	for _, c := range classes {
		fmt.Fprintf(w, "\n## %s\n\n| check | verdict | asks for | peers | in the source | see it again |\n| --- | --- | --- | --- | --- | --- |\n", headings[c.word])
		for _, k := range order {
			title, rest, err := class(k.reason)
			if err != nil {
				return fmt.Errorf("%s: %w", k.id, err)
			}
			if title != c.title {
				continue
			}
			var anchors []string
			for _, id := range needs[k.id] {
				if row, ok := ledger.Row(id); ok {
					anchors = append(anchors, fmt.Sprintf("[%s](%s)", id, row.Anchor))
				} else {
					anchors = append(anchors, id)
				}
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | `make peer PEER=%s CHECK=%s` |\n", k.id, k.verdict, strings.Join(anchors, ", "), strings.Join(who[k], ", "), cell(rest), who[k][0], k.id)
		}
	}
	return nil
}

var headings = map[string]string{"bug": "Their bugs", "choice": "Their choices", "server": "What the small servers do"}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// A fix is one line of go-webauthn's changelog that touches the wire.
type fix struct {
	Version string `yaml:"version"` // that has it first
	Says    string `yaml:"says"`
	Number  int    `yaml:"number"` // of its pull request
	// The checks that fail on Before and pass on After. Before and After are versions
	// among the peers.
	Checks []string `yaml:"checks"`
	Before string   `yaml:"before"`
	After  string   `yaml:"after"`
	// Unseen says why no check can, or does, see it.
	Unseen string `yaml:"unseen"`
}

// changelog writes what the changelog of go-webauthn says was mended and whether
// the suite sees it. A claim is held against the runs: the check must not pass on
// the version before, and must pass on the one after.
func changelog(w *strings.Builder, all []played) error {
	const file = "peers/gowebauthn/changelog.yaml"
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var list struct {
		Fixes []fix `yaml:"fixes"`
	}
	if err := yaml.UnmarshalWithOptions(data, &list, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	verdict := func(version, id string) (reports.Verdict, error) {
		for _, p := range all {
			if p.Library == "go-webauthn" && p.Version == version {
				if v, ok := p.find(id); ok {
					return v, nil
				}
				return "", fmt.Errorf("%s: no check %s on %s", file, id, version)
			}
		}
		return "", fmt.Errorf("%s: %s is not among the peers", file, version)
	}
	found := 0
	var rows strings.Builder
	for i, f := range list.Fixes {
		if f.Version == "" || f.Says == "" || (len(f.Checks) == 0) == (f.Unseen == "") {
			return fmt.Errorf("%s: fixes[%d] %s: version, says, and either checks or unseen must be there", file, i, f.Says)
		}
		seen := f.Unseen
		if len(f.Checks) > 0 {
			found++
			for _, id := range f.Checks {
				before, err := verdict(f.Before, id)
				if err != nil {
					return err
				}
				after, err := verdict(f.After, id)
				if err != nil {
					return err
				}
				if before == reports.Pass || before == reports.NotApplicable || after != reports.Pass {
					return fmt.Errorf("%s: fixes[%d] %s: %s is %s on %s and %s on %s, so it does not see the fix", file, i, f.Says, id, before, f.Before, after, f.After)
				}
			}
			seen = fmt.Sprintf("%s: not on %s, passes on %s", strings.Join(f.Checks, ", "), f.Before, f.After)
		}
		number := ""
		if f.Number > 0 {
			number = fmt.Sprintf(" (#%d)", f.Number)
		}
		fmt.Fprintf(&rows, "| %s | %s%s | %s | %s |\n", f.Version, cell(f.Says), number, map[bool]string{true: "yes", false: "no"}[len(f.Checks) > 0], cell(seen))
	}
	fmt.Fprintf(w, "\n## What go-webauthn's changelog mended\n\nThe lines of its CHANGELOG.md that touch what goes over the wire, %d, of which the suite sees %d. The runs hold each claim: the check fails on the version before and passes on the one after.\n\n| since | changelog | found | by, or why not |\n| --- | --- | --- | --- |\n%s", len(list.Fixes), found, rows.String())
	return nil
}

// absent lists what the profiles say that a library does not do.
func absent(w *strings.Builder, all []played) {
	w.WriteString("\n## What could not be asked\n\nBeyond what the dialect lacks, each peer's profile says what its library does not do:\n\n")
	for _, p := range all {
		fmt.Fprintf(w, "- %s %s: [profile](../%s)\n", p.Library, p.Version, p.file("profile.yaml"))
	}
}
