package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// replayFlags are the flags of replay; those of run mean the same here.
type replayFlags struct {
	runFlags
	check    string
	verbatim bool
}

func replayCommand(args []string) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE.json [--check ID] [--target URL]",
		Short: "Run a check of a report or a trace again, or send its bytes again; or the calls of a recording",
		Long: `Run a check again that a report or a trace tells of, with its seed, on fresh
options, and say what it was and what it is now. Another --target, --client or
browser may be named; nothing that the file says is run as a program: where the
target was one, --adapter or the adapter of --profile names it.

--verbatim sends the recorded requests again, byte for byte, and compares the
answers' statuses. A challenge that is used up makes an RP refuse them: that is
how to see whether it does.

A trace that was recorded by hand, and a HAR, have no check: their calls of
create() and get() are made again in the clients (default virtual), on the
page's own origin and each with an authenticator like the one that answered,
and what comes of them is set beside what was recorded, as compare does.

Exit codes: as of run; with --verbatim and for a recording, 1 where something
differs from what was recorded.`,
		Args: exactlyOne("replay takes one report, trace or HAR", "touchstone replay report.json --check ID"),
		RunE: func(cmd *cobra.Command, names []string) error {
			return f.replay(cmd.Context(), args, names[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.check, "check", "", "`id` of the check; of a trace, the one that it is of")
	fl.BoolVar(&f.verbatim, "verbatim", false, "send the recorded requests again, byte for byte")
	fl.StringVar(&f.target, "target", "", "base `URL` of the Relying Party (default the one in the file)")
	fl.StringVar(&f.adapter, "adapter", "", adapterUsage)
	fl.StringVar(&f.profile, "profile", "", "`file` that says how to speak to the Relying Party")
	fl.StringArrayVar(&f.dialects, "dialect", nil, "only results in this dialect; may be repeated")
	fl.StringArrayVar(&f.clients, "client", nil, "client to run ceremonies with: "+clientNames+"; may be repeated (default the ones in the file)")
	fl.StringVar(&f.rpID, "rp-id", "", "RP ID (default the file's, or with --target the target's host)")
	fl.StringVar(&f.origin, "origin", "", "origin of the RP's pages (default likewise)")
	fl.StringVar(&f.chrome, "chrome", "", chromeUsage)
	fl.StringArrayVar(&f.vars, "var", nil, "set a variable of the profile, `name=value`; may be repeated")
	fl.BoolVar(&f.strict, "strict", false, "a broken SHOULD makes the exit code 1 too")
	fl.DurationVar(&f.timeout, "timeout", 10*time.Second, "limit for each request")
	fl.StringVar(&f.trace, "trace", "", "write what the check does now into this `folder`")
	fl.StringVar(&f.json, "json", "", "write the new report as JSON to `file`, - for stdout")
	fl.StringVar(&f.html, "html", "", "write it as one HTML page to `file`")
	return cmd
}

// result is one result of the check in the file.
type result struct {
	suite   reports.Suite
	target  reports.Target
	client  reports.Client
	check   reports.Check
	command string
}

func (r result) where() string { return r.target.Name + " through " + r.client.Name }

func (f *replayFlags) replay(ctx context.Context, args []string, name string, stdout, stderr io.Writer) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return usage("", "%w", err)
	}
	was, err := readRecorded(name, data, f.check)
	if err != nil {
		return err
	}
	if was == nil {
		if f.verbatim {
			return usage("leave --verbatim out: its calls are made again in --client", "%s is no report and no trace of a check, whose requests could be sent again", name)
		}
		return f.rerunRecording(ctx, name, data, stdout, stderr)
	}
	if was, err = f.wanted(name, was); err != nil {
		return err
	}
	f.set = was[0].suite.Set
	if _, err := suites.FindSet(f.set); err != nil {
		fmt.Fprintf(stderr, "note: this version has no requirement set %q; %s is asked instead\n", f.set, suites.CurrentSet)
		f.set = suites.CurrentSet
	}
	if f.verbatim {
		return f.resend(ctx, was, stdout, stderr)
	}
	end, err := f.startProgram(ctx, was[0].target)
	if err != nil {
		return err
	}
	defer end()
	return f.rerunCheck(ctx, args, was, stdout, stderr)
}

// readRecorded finds the results of the check in a report or a trace; none in a
// trace that has no check or a HAR, which hold a page's calls.
func readRecorded(name string, data []byte, id string) ([]result, error) {
	var kind struct {
		Log           *struct{} `json:"log"`
		TraceVersion  *int      `json:"traceVersion"`
		SchemaVersion *int      `json:"schemaVersion"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, usage("touchstone run --json FILE writes a report, run --trace DIR traces", "%s is no report, trace or HAR: %v", name, err)
	}
	switch {
	case kind.Log != nil:
		if id != "" {
			return nil, usage("leave --check out", "%s is a HAR and has no check", name)
		}
		return nil, nil
	case kind.TraceVersion != nil:
		t, err := reports.ReadTrace(name, bytes.NewReader(data))
		if err != nil {
			return nil, usage("", "%w", err)
		}
		if t.Check == nil {
			if id != "" {
				return nil, usage("leave --check out", "%s was recorded by hand and has no check", name)
			}
			return nil, nil
		}
		if id != "" && id != t.Check.ID {
			return nil, usage("leave --check out", "%s is of the check %s, not %s", name, t.Check.ID, id)
		}
		if t.Suite == nil || t.Target == nil {
			return nil, usage("", "%s: a trace of a check must have suite and target", name)
		}
		c := reports.Check{
			ID: t.Check.ID, Title: t.Check.Title, Level: t.Check.Level, Verdict: t.Check.Verdict, Reason: t.Check.Reason, Message: t.Check.Message,
			Client: t.Client.Name, Target: t.Target.Name, Dialect: t.Target.Dialect, Exchanges: t.Exchanges,
		}
		return []result{{suite: *t.Suite, target: *t.Target, client: t.Client, check: c}}, nil
	case kind.SchemaVersion != nil:
		r, err := reports.ReadJSON(name, bytes.NewReader(data))
		if err != nil {
			return nil, usage("", "%w", err)
		}
		if id == "" {
			return nil, usage("touchstone replay "+name+" --check ID, where ID is one of the report's", "--check is missing: a report has many checks")
		}
		var out []result
		for _, c := range r.Checks {
			if c.ID != id && !slices.Contains(c.Aliases, id) {
				continue
			}
			res := result{suite: r.Suite, check: c, command: r.Command}
			for _, t := range r.Targets {
				if t.Name == c.Target {
					res.target = t
				}
			}
			for _, cl := range r.Clients {
				if cl.Name == c.Client {
					res.client = cl
				}
			}
			if res.target.Name == "" || res.client.Name == "" {
				return nil, usage("", "%s: check %s is of target %q and client %q, which the report does not describe", name, id, c.Target, c.Client)
			}
			out = append(out, res)
		}
		if len(out) == 0 {
			return nil, usage("", "%s has no result of a check %q", name, id)
		}
		return out, nil
	}
	return nil, usage("touchstone run --json FILE writes a report, run --trace DIR traces", "%s is no report, trace or HAR: it has no schemaVersion, traceVersion or log", name)
}

// wanted leaves the results that --dialect asks for and, where their bytes are
// to be sent again, --client too.
func (f *replayFlags) wanted(name string, was []result) ([]result, error) {
	keep := slices.DeleteFunc(slices.Clone(was), func(r result) bool {
		if len(f.dialects) > 0 && !slices.Contains(f.dialects, r.target.Dialect) && !slices.Contains(f.dialects, r.target.Name) {
			return true
		}
		return f.verbatim && len(f.clients) > 0 && !slices.Contains(f.clients, r.client.Name)
	})
	if len(keep) == 0 {
		var have []string
		for _, r := range was {
			have = append(have, r.where())
		}
		return nil, usage("it has: "+strings.Join(have, ", "), "%s has no such result of %s", name, was[0].check.ID)
	}
	return keep, nil
}

// inProcess says whether the file's target was the reference RP in the process
// that wrote it: its origin is of a reserved name that nobody can serve.
func (f *replayFlags) inProcess(t reports.Target) bool {
	return f.target == "" && f.program == nil && t.URL == reference.Origin
}

// startProgram starts the adapter that the flags name, for the RP ID and origin
// that it had in the file unless flags say others.
func (f *replayFlags) startProgram(ctx context.Context, t reports.Target) (end func(), err error) {
	g := f.runFlags
	g.dialects = nil // here they choose among results
	if t.URL == adapterURL {
		g.rpID, g.origin = cmp.Or(f.rpID, t.RPID), cmp.Or(f.origin, t.Origin)
	}
	end, err = g.startAdapter(ctx)
	f.program = g.program
	return end, err
}

// targetOf is the target that a result is to be replayed on.
func (f *replayFlags) targetOf(t reports.Target, seed string) (*target.Target, error) {
	g := runFlags{target: f.target, profile: f.profile, rpID: f.rpID, origin: f.origin, vars: f.vars, timeout: f.timeout, seed: seed, set: f.set, program: f.program}
	if f.profile == "" {
		g.dialects = []string{t.Name}
		if !slices.Contains(target.Dialects(), t.Name) {
			return nil, usage("add --profile FILE, the profile of that run", "the target %s was described by a profile, which a report does not hold", t.Name)
		}
	}
	if f.inProcess(t) {
		if f.rpID != "" || f.origin != "" {
			return nil, usage("add --target", "--rp-id and --origin describe a target, and the file's is the reference RP in this process")
		}
	} else if f.target == "" && f.program == nil {
		if t.URL == adapterURL {
			hint := "nothing that a file says is run as a program: add --adapter COMMAND, or --profile FILE with an adapter"
			if f.verbatim {
				hint = "a program that is started knows none of the challenges: leave --verbatim out, or name a server with --target"
			}
			return nil, usage(hint, "the target was a program (%s)", cmp.Or(t.Adapter, "--adapter"))
		}
		g.target = t.URL
		if g.rpID == "" {
			g.rpID = t.RPID
		}
		if g.origin == "" {
			g.origin = t.Origin
		}
	}
	list, err := g.targets()
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// rerunCheck plays the check again, from its id and seed, on fresh options.
func (f *replayFlags) rerunCheck(ctx context.Context, args []string, was []result, stdout, stderr io.Writer) error {
	check, ok := suites.Find(was[0].check.ID)
	if !ok {
		return usage("use the version that made the file: "+was[0].suite.Version, "this version has no check %s", was[0].check.ID)
	}
	if now := suites.Digest(suites.Catalogue()); now != was[0].suite.Digest {
		fmt.Fprintf(stderr, "note: the file is of version %s, catalogue %s; this is %s, catalogue %s\n", was[0].suite.Version, was[0].suite.Digest, version(), now)
	}
	f.seed = was[0].suite.Seed
	set, err := suites.FindSet(f.set)
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if err := someAsked(set, []*suites.Check{check}); err != nil {
		return err
	}
	if err := f.checkOutputs(); err != nil {
		return err
	}
	names := f.clients
	if len(names) == 0 {
		for _, r := range was {
			if r.client.Name == "webdriver" {
				return usage("add --client webdriver:URL?browserName=NAME", "the result is of a webdriver client, whose address a report does not hold")
			}
			if !slices.Contains(names, r.client.Name) {
				names = append(names, r.client.Name)
			}
		}
	}
	traced, err := newTraces(f.trace)
	if err != nil {
		return err
	}
	var targets []*target.Target
	nonce := ""
	for _, r := range was {
		if slices.ContainsFunc(targets, func(t *target.Target) bool { return t.Name() == r.target.Name }) {
			continue
		}
		t, err := f.targetOf(r.target, f.seed)
		if err != nil {
			return err
		}
		if !f.inProcess(r.target) {
			nonce = randomHex(8) // the RP remembers the accounts of the first time
		}
		targets = append(targets, t)
		if f.profile != "" {
			break
		}
	}
	clients, err := openClients(ctx, names, f.chrome)
	if err != nil {
		return err
	}
	defer closeClients(clients)
	p := newProgress(stderr)
	f.clients = names
	report, err := suites.Run(ctx, suites.Config{
		Targets: targets, Clients: clients, Checks: []*suites.Check{check}, Set: f.set, Seed: f.seed, Nonce: nonce, Jobs: 1, KeepExchanges: true,
		Version: version(), Command: "touchstone " + secretless(strings.Join(quoteAll(args), " ")), Rerun: f.rerunOf, Trace: traced.sink(), Progress: p.tell,
	})
	p.done()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if len(report.Checks) == 0 && report.Stopped == nil {
		return usage("touchstone explain "+check.ID+" tells what it needs", "none of these clients can carry %s", check.ID)
	}
	if err := f.write(report, stdout); err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if err := traced.err(); err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if f.json != "-" && f.html != "-" {
		thenAndNow(stdout, was, report)
	}
	return finished(report, f.strict)
}

// rerunOf is the command that runs the check without the file.
func (f *replayFlags) rerunOf(t *target.Target, cl client.Client, id string) string {
	g := f.runFlags
	if t.Adapter() != "" {
		g.rpID, g.origin = t.RPID(), t.Origin()
	} else if t.URL() != reference.Origin {
		g.target, g.rpID, g.origin = t.URL(), t.RPID(), t.Origin()
	}
	return g.rerun(t, cl, id)
}

// thenAndNow sets what the file says beside what came of it now.
func thenAndNow(w io.Writer, was []result, now *reports.Report) {
	if len(now.Checks) > 0 {
		fmt.Fprintln(w)
	}
	for _, c := range now.Checks {
		then := "not in the file"
		for _, r := range was {
			if r.check.Target != c.Target {
				continue
			}
			if r.check.Client != c.Client {
				if then == "not in the file" {
					then = string(r.check.Verdict) + " through " + oneLine(r.check.Client)
				}
				continue
			}
			then = string(r.check.Verdict)
			if v := versionOf(now, c.Client); v != r.client.Version {
				then += " (" + oneLine(r.client.Version) + ")"
			}
		}
		fmt.Fprintf(w, "%s through %s: then %s, now %s\n", oneLine(c.Target), oneLine(c.Client), then, c.Verdict)
	}
}

func versionOf(r *reports.Report, client string) string {
	for _, c := range r.Clients {
		if c.Name == client {
			return c.Version
		}
	}
	return ""
}

// resend sends the recorded requests again, byte for byte.
func (f *replayFlags) resend(ctx context.Context, was []result, stdout, stderr io.Writer) error {
	if f.adapter != "" {
		return usage("leave one of them out: a program that is started knows none of the challenges", "--verbatim and --adapter cannot both be given")
	}
	differ, answered := false, false
	for _, r := range was {
		if len(r.check.Exchanges) == 0 {
			return usage("touchstone run --exchanges all, or --trace DIR, keeps them for checks that passed", "no requests of %s (%s) were recorded", r.check.ID, r.where())
		}
		t, err := f.targetOf(r.target, r.suite.Seed)
		if err != nil {
			return err
		}
		s := t.NewSession(target.User{Name: "replay"})
		s.SetCheck(r.check.ID)
		fmt.Fprintf(stdout, "%s on %s, recorded as %s\n", oneLine(r.check.ID), oneLine(r.where()), r.check.Verdict)
		fmt.Fprintf(stdout, "  %-24s %-6s %5s %5s\n", "step", "method", "then", "now")
		lost := 0
		for _, e := range r.check.Exchanges {
			address, ok := strings.CutPrefix(e.URL, r.target.URL)
			if !ok {
				return usage("", "step %s was sent to %s, which is not below the target's URL %s", oneLine(e.Step), oneLine(e.URL), oneLine(r.target.URL))
			}
			if strings.Contains(e.Note, "request body of") {
				return usage("", "step %s: the body was cut in the file, so its bytes are gone", oneLine(e.Step))
			}
			var header [][2]string
			for name, values := range e.RequestHeaders {
				for _, v := range values {
					header = append(header, [2]string{name, v})
				}
			}
			var body []byte
			if e.RequestBody != "" {
				body = e.RequestBytes()
			}
			lost += strings.Count(e.RequestBody, target.Redacted())
			if _, ok := e.RequestHeaders["Authorization"]; ok {
				lost++
			}
			got, err := s.Resend(ctx, e.Step, e.Method, address, header, body)
			if ctx.Err() != nil {
				return &exit{code: exitInterrupted}
			}
			if err != nil {
				return usage("", "%w", err)
			}
			mark := ""
			if got.Status != e.Status {
				mark, differ = "  differs", true
			}
			answered = answered || got.Status != 0
			fmt.Fprintf(stdout, "  %-24s %-6s %5s %5s%s\n", oneLine(e.Step), oneLine(e.Method), statusText(e.Status), statusText(got.Status), mark)
			if mark != "" {
				text := got.ResponseBody.Text
				if got.Error != "" {
					text = got.Error
				}
				fmt.Fprintf(stdout, "    %s\n", shorten(oneLine(text), 200))
			}
		}
		if lost > 0 {
			fmt.Fprintf(stderr, "note: %d secrets were redacted in the file and could not be sent\n", lost)
		}
	}
	switch {
	case !answered:
		return &exit{code: exitUnreachable, err: fmt.Errorf("the target did not answer"), hint: "is the target running at this URL?"}
	case differ:
		return &exit{code: exitFailed}
	}
	return nil
}

func statusText(status int) string {
	if status == 0 {
		return "none"
	}
	return fmt.Sprint(status)
}

// oneLine is text of a file or a server on one line, without what acts on a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
