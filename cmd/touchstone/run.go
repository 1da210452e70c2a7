package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// adapterUsage is the usage of the flag --adapter.
const adapterUsage = "`command` that is the Relying Party, spoken to over its standard input and output in place of --target; split at spaces (default the profile's adapter)"

// runFlags are the flags of run.
type runFlags struct {
	target, profile      string
	adapter              string
	program              *adapterProgram // the adapter, once it runs
	dialects             []string
	clients, checks      []string
	set, seed, shard     string
	rpID, origin, chrome string
	vars                 []string
	jobs                 int
	strict               bool
	baseline             string
	timeout              time.Duration
	exchanges            string
	trace                string

	json, junit, html, markdown, badge string
}

func runCommand(args []string) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the checks on a Relying Party and report what it breaks",
		Long: `Run the checks. Without --target the reference RP is started in this process
and tested in all its dialects.

Exit codes: 0 nothing scored failed; 1 a check failed or could not be tested;
2 usage or configuration; 3 the target did not answer or went away; 4 the
harness itself went wrong; 130 interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.target, "target", "", "base `URL` of the Relying Party; none: the reference RP")
	fl.StringVar(&f.profile, "profile", "", "`file` that says how to speak to the Relying Party")
	fl.StringVar(&f.adapter, "adapter", "", adapterUsage)
	fl.StringArrayVar(&f.dialects, "dialect", nil, "dialect to speak: "+strings.Join(target.Dialects(), ", ")+" (default fido; with no --target, the four vendors')")
	fl.StringArrayVar(&f.clients, "client", nil, "client to run ceremonies with: "+clientNames+"; may be repeated (default virtual)")
	fl.StringArrayVar(&f.checks, "check", nil, "only checks whose id matches the `glob`; may be repeated")
	fl.StringVar(&f.set, "set", suites.CurrentSet, "requirement set: what is asked, at which level, and what scores; touchstone list --sets shows them")
	fl.StringVar(&f.seed, "seed", "", "seed of every key and id (default random, printed)")
	fl.StringVar(&f.shard, "shard", "", "run part `I/N` of the checks; also read from the common CI variables")
	fl.StringVar(&f.rpID, "rp-id", "", "RP ID (default the target's host)")
	fl.StringVar(&f.origin, "origin", "", "origin of the RP's pages (default the target's)")
	fl.StringVar(&f.chrome, "chrome", "", chromeUsage)
	fl.StringArrayVar(&f.vars, "var", nil, "set a variable of the profile, `name=value`; may be repeated")
	fl.IntVar(&f.jobs, "jobs", 0, "checks at once (default the number of processors)")
	fl.BoolVar(&f.strict, "strict", false, "a broken SHOULD fails the run too")
	fl.StringVar(&f.baseline, "baseline", "", "`file` of accepted results; what it lists must not pass")
	fl.DurationVar(&f.timeout, "timeout", 10*time.Second, "limit for each request")
	fl.StringVar(&f.exchanges, "exchanges", "failed", "which exchanges the reports keep: failed or all")
	fl.StringVar(&f.trace, "trace", "", "write what every check did, ceremony by ceremony, into this `folder`, a JSON file each")
	fl.StringVar(&f.json, "json", "", "write the report as JSON to `file`, - for stdout")
	fl.StringVar(&f.junit, "junit", "", "write it as JUnit XML to `file`")
	fl.StringVar(&f.html, "html", "", "write it as one HTML page to `file`")
	fl.StringVar(&f.markdown, "markdown", "", "write a Markdown summary to `file`")
	fl.StringVar(&f.badge, "badge", "", "write an SVG badge to `file`")
	return cmd
}

func (f *runFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	checks, err := suites.Select(suites.Catalogue(), f.checks)
	if err != nil {
		return usage("touchstone list shows every check", "%w", err)
	}
	set, err := findSet(f.set)
	if err != nil {
		return err
	}
	if err := someAsked(set, checks); err != nil {
		return err
	}
	if f.exchanges != "failed" && f.exchanges != "all" {
		return usage("", "--exchanges is failed or all, not %q", f.exchanges)
	}
	index, count, err := shardOf(f.shard, os.Getenv)
	if err != nil {
		return err
	}
	if f.seed == "" {
		f.seed = randomHex(4)
	}
	var baseline *reports.Baseline
	if f.baseline != "" {
		data, err := os.ReadFile(f.baseline)
		if err != nil {
			return usage("", "--baseline: %w", err)
		}
		if baseline, err = reports.ParseBaseline(f.baseline, data); err != nil {
			return usage("touchstone baseline REPORT.json writes one", "%w", err)
		}
	}
	if err := f.checkOutputs(); err != nil {
		return err
	}
	traced, err := newTraces(f.trace)
	if err != nil {
		return err
	}
	clients, err := openClients(ctx, f.clients, f.chrome)
	if err != nil {
		return err
	}
	defer closeClients(clients)
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

	nonce := ""
	if f.target != "" || f.profile != "" {
		nonce = randomHex(8) // an RP of one's own remembers the accounts of earlier runs
	}
	p := newProgress(stderr)
	report, err := suites.Run(ctx, suites.Config{
		Targets: targets, Clients: clients, Checks: checks, Set: f.set,
		Seed: f.seed, Nonce: nonce, Jobs: f.jobs, Shard: index, Shards: count,
		KeepExchanges: f.exchanges == "all",
		Version:       version(), Command: "touchstone " + secretless(strings.Join(quoteAll(secretVars(args, targets...)), " ")),
		Rerun: f.rerun, Trace: traced.sink(), Progress: p.tell,
	})
	p.done()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if len(report.Checks) == 0 && report.Stopped == nil && count == 0 {
		return usage("touchstone list shows every check; a client runs those that it can carry", "no check that was asked for applies to these dialects and clients")
	}
	if baseline != nil {
		report = baseline.Apply(report)
	}
	if err := f.write(report, stdout); err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if err := traced.err(); err != nil {
		return &exit{code: exitHarness, err: err, hint: "the reports are complete, the traces are not"}
	}
	return finished(report, f.strict)
}

// finished is ended for a run, which also says why nothing could be learned.
func finished(r *reports.Report, strict bool) error {
	code := reports.ExitCode(r, strict)
	if code == exitOK {
		return nil
	}
	e := &exit{code: code}
	sick := slices.IndexFunc(r.Health, func(h reports.Health) bool { return h.When == "first" && !h.OK })
	switch {
	case r.Stopped != nil:
		e.err = errors.New(r.Stopped.Message)
	case code == exitFailed && sick >= 0:
		e.err = fmt.Errorf("%s: plain ceremonies do not succeed: %s", r.Health[sick].Target, r.Health[sick].Message)
	default:
		return e
	}
	switch {
	case code == exitUnreachable && isAdapter(r, r.Stopped.Target):
		e.hint = "see what the program wrote to standard error, and docs/adapter.md; --jobs 1 tells which check it was, --timeout waits longer for an answer"
	case code == exitUnreachable:
		e.hint = unansweredHint(r.Stopped.Message)
	case code != exitFailed:
	case sick < 0:
		e.hint = "see what the target logged; --jobs 1 tells which check it was"
	case isAdapter(r, r.Health[sick].Target):
		e.hint = "does the program take the JSON that docs/adapter.md has, for the RP ID and origin of its hello? touchstone profile check FILE shows every exchange"
	case r.Health[sick].Reason == reports.ReasonRejected || r.Health[sick].Reason == reports.ReasonSetup:
		e.hint = "do the RP ID, the origin and the account fit the target? touchstone profile check FILE --target URL shows every exchange"
	default:
		e.hint = "something answers at this URL, but not in this dialect: are the path and the dialect right? touchstone profile check FILE --target URL shows every exchange"
	}
	return e
}

// isAdapter says whether the target of this name is a program.
func isAdapter(r *reports.Report, name string) bool {
	return slices.ContainsFunc(r.Targets, func(t reports.Target) bool { return t.Name == name && t.Adapter != "" })
}

// unansweredHint is what to look at where a request had no HTTP answer.
func unansweredHint(message string) string {
	switch {
	case strings.Contains(message, "server gave HTTP response to HTTPS client"):
		return "the target speaks http, not https; write --target http://..."
	case strings.Contains(message, "x509:") || strings.Contains(message, "tls:"):
		return "is the target's certificate one that this machine trusts? SSL_CERT_FILE names a file of further roots"
	case strings.Contains(message, "no such host") || strings.Contains(message, "lookup "):
		return "is the host name in the URL right?"
	case strings.Contains(message, "timeout"):
		return "is the target running at this URL? --timeout waits longer"
	}
	return "is the target running at this URL?"
}

// checkOutputs finds out before the run, not after it, that a report cannot be written.
func (f *runFlags) checkOutputs() error {
	for flag, file := range map[string]string{"--json": f.json, "--junit": f.junit, "--html": f.html, "--markdown": f.markdown, "--badge": f.badge} {
		if file == "" || file == "-" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return usage("", "%s: %w", flag, err)
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			return usage("", "%s: %s is a folder", flag, file)
		}
	}
	return nil
}

// write puts the report into all the forms that were asked for. The terminal
// summary goes to stdout unless a report does.
func (f *runFlags) write(r *reports.Report, stdout io.Writer) error {
	forms := []struct {
		file string
		form func(io.Writer, *reports.Report) error
	}{
		{f.json, reports.WriteJSON},
		{f.junit, func(w io.Writer, r *reports.Report) error {
			return reports.WriteJUnit(w, r, reports.JUnitOptions{Strict: f.strict})
		}},
		{f.html, func(w io.Writer, r *reports.Report) error {
			return reports.WriteHTML(w, r, reports.HTMLOptions{Strict: f.strict})
		}},
		{f.markdown, func(w io.Writer, r *reports.Report) error {
			return reports.WriteMarkdown(w, r, reports.MarkdownOptions{Strict: f.strict})
		}},
		{f.badge, reports.WriteBadge},
	}
	taken := false
	for _, form := range forms {
		switch form.file {
		case "":
		case "-":
			taken = true
			if err := form.form(stdout, r); err != nil {
				return err
			}
		default:
			if err := writeFile(form.file, func(w io.Writer) error { return form.form(w, r) }); err != nil {
				return err
			}
		}
	}
	if taken {
		return nil
	}
	return reports.WriteTerminal(stdout, r, reports.TerminalOptions{Width: columns(), Color: colour(stdout), Strict: f.strict})
}

func writeFile(name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := file.Close(); err == nil {
			err = cerr
		}
	}()
	return write(file)
}

// replaceFile writes a file beside name and puts it in its place, so that at no
// time half of one is there.
func replaceFile(name string, write func(io.Writer) error) error {
	beside := name + ".part"
	if err := writeFile(beside, write); err != nil {
		_ = os.Remove(beside)
		return err
	}
	return os.Rename(beside, name)
}

// rerun is the command that runs one check of this run again.
func (f *runFlags) rerun(t *target.Target, cl client.Client, id string) string {
	args := []string{"touchstone", "run"}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, quote(value))
		}
	}
	add("--target", f.target)
	add("--adapter", secretless(f.adapter))
	add("--profile", f.profile)
	if f.profile == "" {
		add("--dialect", t.Dialect())
	}
	add("--rp-id", f.rpID)
	add("--origin", f.origin)
	for _, v := range f.vars {
		add("--var", secretVar(v, t))
	}
	add("--client", clientFlag(f.clients, cl.Name()))
	add("--chrome", secretless(f.chrome))
	add("--check", id)
	if f.set != suites.CurrentSet {
		add("--set", f.set)
	}
	add("--seed", f.seed)
	return strings.Join(args, " ")
}

// secretsInAddresses finds the password and the parameters of an address that
// tend to be secrets.
var secretsInAddresses = regexp.MustCompile(`(://[^\s/@:]*:)[^\s/@]*(@)|([?&](?i:[a-z_-]*(?:token|key|secret|password))=)[^\s&'"]*`)

// secretVars are arguments without the values of --var that a profile calls secret.
func secretVars(args []string, targets ...*target.Target) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if v, ok := strings.CutPrefix(a, "--var="); ok {
			out[i] = "--var=" + secretVar(v, targets...)
		} else if i > 0 && args[i-1] == "--var" {
			out[i] = secretVar(a, targets...)
		}
	}
	return out
}

func secretVar(v string, targets ...*target.Target) string {
	name, _, _ := strings.Cut(v, "=")
	if slices.ContainsFunc(targets, func(t *target.Target) bool { return t.Profile().SecretVar(name) }) {
		return name + "=xxxxx"
	}
	return v
}

// secretless is a command line for a report, which many people read.
func secretless(s string) string {
	return secretsInAddresses.ReplaceAllString(s, "${1}${3}xxxxx${2}")
}

func quoteAll(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = quote(a)
	}
	return out
}

// quote writes an argument so that a POSIX shell reads it back.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}

// shardOf reads --shard, or the variables by which CI systems number the parts
// of a job. index is from 1; count 0 means no sharding.
func shardOf(flag string, env func(string) string) (index, count int, err error) {
	bad := func(what, why string) error {
		return usage("write --shard 2/5 for the second of five parts", "%s: %s", what, why)
	}
	if flag != "" {
		i, n, ok := strings.Cut(flag, "/")
		if !ok {
			return 0, 0, bad("--shard "+flag, "not of the form I/N")
		}
		if i == "" {
			// /N takes the index from a Kubernetes Indexed Job, which does not tell N.
			if i = env("JOB_COMPLETION_INDEX"); i == "" {
				return 0, 0, bad("--shard "+flag, "JOB_COMPLETION_INDEX is not set, so there is no index")
			}
			z, err := strconv.Atoi(i)
			if err != nil {
				return 0, 0, bad("JOB_COMPLETION_INDEX="+i, "not a number")
			}
			i = strconv.Itoa(z + 1)
		}
		return shardNumbers("--shard "+flag, i, n, 0, bad)
	}
	for _, v := range []struct {
		index, count string
		first        int
	}{
		{"TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", 0},
		{"CI_NODE_INDEX", "CI_NODE_TOTAL", 1},
	} {
		if i, n := env(v.index), env(v.count); i != "" && n != "" {
			return shardNumbers(v.index+"="+i+" "+v.count+"="+n, i, n, 1-v.first, bad)
		}
	}
	return 0, 0, nil
}

func shardNumbers(what, i, n string, add int, bad func(string, string) error) (int, int, error) {
	index, err1 := strconv.Atoi(i)
	count, err2 := strconv.Atoi(n)
	index += add
	if err1 != nil || err2 != nil || count < 1 || index < 1 || index > count {
		return 0, 0, bad(what, "the part must be from 1 to the number of parts")
	}
	return index, count, nil
}
