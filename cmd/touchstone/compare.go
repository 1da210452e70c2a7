package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/compare"
	"github.com/touchstone-webauthn/touchstone/target"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	clients, cases   []string
	chrome           string
	check, origin    string
	topOrigin, allow string
	between, related []string
	pick             int
	browserParser    bool
	mediation        string
	transport        string
	u2f, noUV, noRK  bool
	eligible, backed bool
	extensions       []string
	credentialScope  string
	noCredential     bool
	holdExcluded     bool

	// recorded: what the file says came of the calls takes part, for replay.
	recorded bool

	// ask says which RP is asked for options in place of a file.
	ask      runFlags
	ceremony string

	interop  bool
	fixtures string

	json, html, expect string
	update             bool
}

// compareExtensions are what --extension takes.
const compareExtensions = "prf, largeBlob, minPinLength, credBlob or none"

func compareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare OPTIONS.json | --profile FILE | --target URL | --adapter COMMAND | --interop",
		Short: "Put the same options through several clients and set the outcomes side by side",
		Long: `Put the options of one create() or get() through several clients, each with a
like authenticator of its own, and say where they differ and whose doing it is:
the RP's options, the client, the virtual authenticator, or nobody's, where the
specification leaves it open.

OPTIONS.json, or - for stdin, holds options as JSON, {"publicKey": …}, an RP's
answer with either in it, a HAR, a trace, or a report, of which --check names
the check. An authenticator is given the credential that request options list,
or a discoverable one where they list none.

With --target, --profile or --adapter in place of the file the options are those
of a Relying Party: for a new user, and for that user's login once the virtual
client has registered it.

--interop runs the cases whose outcomes are on record, in the clients that are
named (default virtual), and tells what is not as it was recorded.

Exit codes: 0, also where clients differ; 1 where something is not as --expect
or the record has it; 2 usage, bad options, or a client that is not there;
3 the Relying Party did not answer; 4 a browser that failed; 130 interrupted.`,
		Example: `  touchstone compare options.json --client virtual --client chrome --client firefox
  touchstone compare site.har --client chrome --client firefox --html out/compare.html
  touchstone compare options.json --top-origin https://embedder.example --client chrome --client firefox
  touchstone compare options.json --client virtual --client chrome --expect expected.json --update
  touchstone compare --profile rp.yaml --client virtual --client firefox
  touchstone compare --interop --client chrome --case 'algorithms.*'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return f.compare(cmd, names)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.clients, "client", nil, "client to ask: "+clientNames+"; may be repeated (default virtual and chrome; with --interop virtual)")
	fl.StringVar(&f.chrome, "chrome", "", chromeUsage)
	fl.StringVar(&f.origin, "origin", "", "origin of the page (default the file's, else https:// and the options' RP ID)")
	fl.StringVar(&f.topOrigin, "top-origin", "", "`origin` of a page that has the page in a frame (default the file's, else none)")
	fl.StringArrayVar(&f.between, "frame-between", nil, "with --top-origin, `origin` of a frame in between, the outermost first; may be repeated")
	fl.StringVar(&f.allow, "frame-allow", client.AllowBoth, "with --top-origin, the `text` of the frame's allow attribute")
	fl.StringArrayVar(&f.related, "related-origin", nil, "`origin` that the options' RP ID lists at /.well-known/webauthn; may be repeated")
	fl.StringVar(&f.check, "check", "", "`id` of the check whose options are meant, where the file is a report")
	fl.IntVar(&f.pick, "pick", 0, "only the `N`th options that the file holds, from 1 (default all)")
	fl.BoolVar(&f.browserParser, "browser-parser", false, "have the browser's parseCreationOptionsFromJSON or parseRequestOptionsFromJSON decode the options, not the page")
	fl.StringVar(&f.mediation, "mediation", "", "mediation beside publicKey: conditional, optional, required or silent")
	fl.StringVar(&f.transport, "transport", "usb", "the authenticator's transport: usb, nfc, ble, internal or hybrid")
	fl.BoolVar(&f.u2f, "u2f", false, "an authenticator that speaks U2F only")
	fl.BoolVar(&f.noUV, "no-uv", false, "an authenticator that cannot verify the user")
	fl.BoolVar(&f.noRK, "no-resident", false, "an authenticator without resident keys")
	fl.BoolVar(&f.eligible, "backup-eligible", false, "its credentials can be backed up")
	fl.BoolVar(&f.backed, "backed-up", false, "its credentials are backed up")
	fl.StringArrayVar(&f.extensions, "extension", nil, "extension that the authenticator has: "+compareExtensions+"; may be repeated (default prf, minPinLength and, with resident keys, largeBlob)")
	fl.BoolVar(&f.noCredential, "no-credential", false, "put no credential on the authenticator before get()")
	fl.BoolVar(&f.holdExcluded, "hold-excluded", false, "put the credential that excludeCredentials lists first on the authenticator")
	fl.StringVar(&f.credentialScope, "credential-scope", "", "RP ID or AppID of the credential that is put on the authenticator (default the options' RP ID)")
	fl.StringVar(&f.ask.target, "target", "", "base `URL` of a Relying Party to ask for options")
	fl.StringVar(&f.ask.profile, "profile", "", "`file` that says how to speak to the Relying Party that is asked")
	fl.StringVar(&f.ask.adapter, "adapter", "", adapterUsage)
	fl.StringArrayVar(&f.ask.vars, "var", nil, "set a variable of the profile, `name=value`; may be repeated")
	fl.StringVar(&f.ask.rpID, "rp-id", "", "RP ID of the Relying Party that is asked (default the profile's, or the target's host)")
	fl.StringVar(&f.ceremony, "ceremony", "", "ask for options of one ceremony only: registration or authentication")
	fl.DurationVar(&f.ask.timeout, "timeout", 10*time.Second, "limit for each request to the Relying Party")
	fl.BoolVar(&f.interop, "interop", false, "run the cases of fixtures/interop")
	fl.StringArrayVar(&f.cases, "case", nil, "with --interop, only cases whose name matches the `glob`; may be repeated")
	fl.StringVar(&f.fixtures, "fixtures", filepath.Join("fixtures", "interop"), "with --interop --update, the `folder` to record in")
	fl.StringVar(&f.json, "json", "", "write the comparison as JSON to `file`, - for stdout")
	fl.StringVar(&f.html, "html", "", "write it as one HTML page to `file`")
	fl.StringVar(&f.expect, "expect", "", "`file` of expected outcomes, as --json or --update writes it; exit 1 where they differ")
	fl.BoolVar(&f.update, "update", false, "write what came out to --expect, or with --interop to the record")
	return cmd
}

func (f *compareFlags) compare(cmd *cobra.Command, names []string) error {
	ctx, stdout, stderr := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	asks := f.ask.target != "" || f.ask.profile != "" || f.ask.adapter != ""
	switch {
	case asks && (f.interop || len(names) > 0):
		return usage("leave the one or the other out", "--target, --profile and --adapter ask a Relying Party for options, in place of a file or --interop")
	case asks && f.check != "":
		return usage("--ceremony chooses among the options of a Relying Party", "--check is for a report")
	case !asks && (f.ceremony != "" || len(f.ask.vars) > 0 || f.ask.rpID != ""):
		return usage("add --target URL, --profile FILE or --adapter COMMAND", "--ceremony, --var and --rp-id go with a Relying Party that is asked for options")
	case !slices.Contains([]string{"", target.Registration, target.Authentication}, f.ceremony):
		return usage("", "--ceremony is registration or authentication, not %q", f.ceremony)
	case f.interop && len(names) > 0:
		return usage("", "--interop has cases of its own and takes no file")
	case f.interop && f.expect != "":
		return usage("", "--interop has a record of its own, and --expect is for a file")
	case !f.interop && len(f.cases) > 0:
		return usage("add --interop", "--case chooses among the cases of --interop")
	case !asks && !f.interop && len(names) == 0:
		return usage("touchstone compare options.json, or - for stdin, or --profile rp.yaml, or --interop", "compare takes one file of options")
	case f.update && !f.interop && f.expect == "":
		return usage("add --expect FILE", "--update has no file to write to")
	}
	if f.interop {
		return f.runInterop(ctx, stdout, stderr)
	}
	var inputs []compare.Input
	var err error
	if asks {
		inputs, err = f.asked(ctx)
	} else {
		inputs, err = f.inputs(names[0], cmd.InOrStdin())
	}
	if err != nil {
		return err
	}
	var expected []compare.Comparison
	if f.expect != "" && !f.update {
		data, err := os.ReadFile(f.expect)
		if err != nil {
			return usage("--update writes it", "--expect: %w", err)
		}
		if expected, err = compare.ReadJSON(f.expect, data); err != nil {
			return usage("--update writes it anew", "--expect: %w", err)
		}
	}
	if len(f.clients) == 0 {
		f.clients = []string{"virtual", "chrome"}
	}
	clients, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer closeClients(clients)
	list, err := f.run(ctx, inputs, clients)
	if err != nil {
		return err
	}
	if err := f.write(list, stdout); err != nil {
		return err
	}
	switch {
	case f.update:
		if err := writeFile(f.expect, func(w io.Writer) error { return compare.WriteJSON(w, list) }); err != nil {
			return usage("", "--expect: %w", err)
		}
		fmt.Fprintf(stderr, "wrote %s\n", f.expect)
	case f.expect != "":
		drifts := compare.Unexpected(expected, list)
		if len(drifts) == 0 {
			fmt.Fprintf(stderr, "as %s expects\n", f.expect)
			return nil
		}
		if err := compare.WriteDrifts(stderr, drifts); err != nil {
			return &exit{code: exitHarness, err: err}
		}
		return &exit{code: exitFailed, err: fmt.Errorf("%s not as %s expects", count(len(drifts), "value is", "values are"), f.expect), hint: "where the change is right, --update records it"}
	}
	return nil
}

// inputs reads the file and makes of it what is to be run.
func (f *compareFlags) inputs(name string, stdin io.Reader) ([]compare.Input, error) {
	var data []byte
	var err error
	if name == "-" {
		name = "stdin"
		data, err = io.ReadAll(io.LimitReader(stdin, 64<<20))
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, usage("", "%w", err)
	}
	return f.read(name, data)
}

// read makes of each of the options in data what is to be run.
func (f *compareFlags) read(name string, data []byte) ([]compare.Input, error) {
	found, err := compare.ReadOptions(name, data, f.check)
	if err != nil {
		hint := `options look like {"challenge": "…", "rp": {…}, "user": {…}, "pubKeyCredParams": […]}`
		if bytes.Contains(data, []byte(`"schemaVersion"`)) {
			hint = "touchstone run --exchanges all --json FILE keeps every exchange; --check ID names the check"
		}
		return nil, usage(hint, "%w", err)
	}
	if f.pick < 0 || f.pick > len(found) {
		return nil, usage("", "--pick %d: %s holds %s", f.pick, name, count(len(found), "set of options", "sets of options"))
	}
	if f.pick > 0 {
		found = found[f.pick-1 : f.pick]
	}
	cfg, err := f.authenticator()
	if err != nil {
		return nil, err
	}
	var out []compare.Input
	for _, o := range found {
		in := compare.Input{Name: o.Where, Call: client.Call{Method: o.Method, Options: o.Options, JSON: f.browserParser, Mediation: or(f.mediation, o.Mediation)}, Authenticator: cfg}
		if o.Authenticator != nil && !f.configured() {
			in.Authenticator = compare.Equivalent(*o.Authenticator)
		}
		if in.Origin, err = f.originOf(o); err != nil {
			return nil, err
		}
		if err := f.surround(&in, o); err != nil {
			return nil, err
		}
		if f.recorded && o.Recorded != nil {
			if in.Recorded, err = o.Recorded.Outcome(in); err != nil {
				return nil, usage("", "%w", err)
			}
		}
		if !f.noCredential {
			in.Held = compare.HeldFor(o, in.Origin, in.Authenticator, f.holdExcluded)
			for i := range in.Held {
				in.Held[i].RPID = or(f.credentialScope, in.Held[i].RPID)
			}
		}
		out = append(out, in)
	}
	return out, nil
}

// surround puts what is around the page into in.
func (f *compareFlags) surround(in *compare.Input, o compare.Found) error {
	in.Frame.Top = or(f.topOrigin, o.TopOrigin)
	if in.Frame.Top == "" {
		if len(f.between) > 0 || f.allow != client.AllowBoth {
			return usage("add --top-origin", "--frame-between and --frame-allow are for a page in a frame")
		}
	} else if f.topOrigin != "" {
		in.Frame.Between = f.between
		if f.allow != client.AllowBoth {
			in.Frame.Allow = &f.allow
		}
	}
	if len(f.related) > 0 {
		id := compare.RPIDFor(o, in.Origin)
		if id == "" {
			return usage("", "--related-origin: the options' RP ID is no domain")
		}
		in.Related = map[string][]string{id: f.related}
	}
	for _, list := range [][]string{{in.Frame.Top}, f.between} {
		for _, origin := range list {
			if origin != "" && !isOrigin(origin) {
				return usage("write it as https://rp.example", "%q is not an origin", origin)
			}
		}
	}
	return nil
}

// isOrigin: s is written as browsers write origins of pages.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && s == u.Scheme+"://"+u.Host && (u.Scheme == "https" || u.Scheme == "http")
}

// configured: flags say what the authenticator is.
func (f *compareFlags) configured() bool {
	return f.transport != "usb" || f.u2f || f.noUV || f.noRK || f.eligible || f.backed || len(f.extensions) > 0
}

func (f *compareFlags) authenticator() (client.AuthenticatorConfig, error) {
	cfg := client.AuthenticatorConfig{
		Transport: f.transport, U2F: f.u2f, UserVerification: !f.noUV && !f.u2f, ResidentKeys: !f.noRK && !f.u2f,
		BackupEligible: f.eligible || f.backed, BackupState: f.backed,
	}
	switch {
	case !slices.Contains([]string{"usb", "nfc", "ble", "internal", "hybrid"}, f.transport):
		return cfg, usage("", "--transport is usb, nfc, ble, internal or hybrid, not %q", f.transport)
	case f.u2f && (f.transport == "hybrid" || f.transport == "internal"):
		return cfg, usage("", "--u2f does not go with --transport %s", f.transport)
	case f.u2f && (f.eligible || f.backed || len(f.extensions) > 0):
		return cfg, usage("", "--u2f does not go with backup flags or extensions, which U2F has none of")
	case !slices.Contains([]string{"", "conditional", "optional", "required", "silent"}, f.mediation):
		return cfg, usage("", "--mediation is conditional, optional, required or silent, not %q", f.mediation)
	}
	if len(f.extensions) == 0 {
		return compare.Equivalent(cfg), nil
	}
	for _, e := range f.extensions {
		switch e {
		case "prf":
			cfg.With.PRF = true
		case "largeBlob":
			if f.noRK {
				return cfg, usage("", "--extension largeBlob does not go with --no-resident")
			}
			cfg.With.LargeBlob = true
		case "minPinLength":
			cfg.With.MinPINLength = true
		case "credBlob":
			cfg.With.CredBlob = true
		case "none":
		default:
			return cfg, usage("", "--extension is %s, not %q", compareExtensions, e)
		}
	}
	return cfg, nil
}

// originOf is the page's origin: the flag's, the file's, or that of the RP ID.
func (f *compareFlags) originOf(o compare.Found) (string, error) {
	origin := or(f.origin, o.Origin)
	if origin == "" {
		origin = compare.OriginFor(o)
	}
	if !isOrigin(origin) {
		return "", usage("write it as https://rp.example", "%q is not an origin", origin)
	}
	return origin, nil
}

// open opens the clients, all of which must be there.
func (f *compareFlags) open(ctx context.Context) ([]client.Client, error) {
	clients, err := openClients(ctx, f.clients, f.chrome)
	if err != nil {
		return nil, err
	}
	for _, c := range clients {
		if gone, ok := c.(*client.Unavailable); ok {
			closeClients(clients)
			if ctx.Err() != nil {
				return nil, &exit{code: exitInterrupted}
			}
			return nil, usage("install it, name another with --client, or say where it is with --chrome, CHROME_PATH or FIREFOX_PATH", "the client %s is not there: %w", gone.Name(), gone.Cause)
		}
	}
	return clients, nil
}

func (f *compareFlags) run(ctx context.Context, inputs []compare.Input, clients []client.Client) ([]compare.Comparison, error) {
	list, err := compare.Run(ctx, inputs, clients)
	switch {
	case ctx.Err() != nil:
		return nil, &exit{code: exitInterrupted}
	case err != nil:
		return nil, &exit{code: exitHarness, err: err}
	}
	return list, nil
}

// write puts the comparisons into the forms that were asked for.
func (f *compareFlags) write(list []compare.Comparison, stdout io.Writer) error {
	asJSON := func(w io.Writer) error { return compare.WriteJSON(w, list) }
	var err error
	switch f.json {
	case "":
	case "-":
		err = asJSON(stdout)
	default:
		err = f.file("--json", f.json, asJSON)
	}
	if err == nil && f.html != "" {
		err = f.file("--html", f.html, func(w io.Writer) error { return compare.WriteHTML(w, list) })
	}
	if err == nil && f.json != "-" && !f.interop {
		err = compare.WriteText(stdout, list, compare.TextOptions{Width: columns(), Color: colour(stdout)})
	}
	var e *exit
	if err != nil && !errors.As(err, &e) {
		return &exit{code: exitHarness, err: err}
	}
	return err
}

func (f *compareFlags) file(flag, name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return usage("", "%s: %w", flag, err)
	}
	if err := writeFile(name, write); err != nil {
		return usage("", "%s: %w", flag, err)
	}
	return nil
}

// runInterop runs the cases and tells what changed.
func (f *compareFlags) runInterop(ctx context.Context, stdout, stderr io.Writer) error {
	all, err := compare.Cases()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	chosen, err := compare.SelectCases(all, f.cases)
	if err != nil {
		return usage("the names are in docs/interop.md", "--case: %w", err)
	}
	if f.update && len(chosen) < len(all) {
		return usage("leave --case out", "--update records all cases")
	}
	recorded, err := compare.Measured()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	clients, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer closeClients(clients)
	inputs := make([]compare.Input, len(chosen))
	for i, c := range chosen {
		inputs[i] = c.Input
	}
	list, err := f.run(ctx, inputs, clients)
	if err != nil {
		return err
	}
	if err := f.write(list, stdout); err != nil {
		return err
	}
	out := stdout
	if f.json == "-" {
		out = stderr
	}
	changed := 0
	for _, c := range clients {
		n, err := f.tell(c, list, recorded, out, stderr)
		if err != nil {
			return err
		}
		changed += n
	}
	if err := compare.WriteSummary(out, list); err != nil {
		return &exit{code: exitHarness, err: err}
	}
	if changed > 0 && !f.update {
		return &exit{code: exitFailed, err: fmt.Errorf("%s not as recorded", count(changed, "value is", "values are")), hint: "make interop records it and writes docs/interop.md, where it can be explained"}
	}
	return nil
}

// tell says what one client's outcomes are against the record, and records them
// where that was asked for. It returns how many values changed.
func (f *compareFlags) tell(c client.Client, list []compare.Comparison, recorded []*compare.Measurement, out, stderr io.Writer) (int, error) {
	now := compare.Measure(list, c.Name())
	var was *compare.Measurement
	for _, m := range recorded { // the newest first
		if m.Client == c.Name() && (was == nil || m.Version == now.Version) {
			was = m
		}
	}
	if f.update && c.Name() != "virtual" {
		text, err := now.JSON()
		if err != nil {
			return 0, &exit{code: exitHarness, err: err}
		}
		name := filepath.Join(f.fixtures, "measured", now.FileName())
		if _, err := os.Stat(filepath.Dir(name)); err != nil {
			return 0, usage("run it at the root of the repository, or name the folder with --fixtures", "--update: %w", err)
		}
		if err := os.WriteFile(name, text, 0o666); err != nil {
			return 0, usage("", "--update: %w", err)
		}
		fmt.Fprintf(stderr, "wrote %s\n", name)
	}
	switch {
	case c.Name() == "virtual":
		fmt.Fprintf(out, "virtual %s: %s; it is not recorded, its differences from the browsers are explained\n", now.Version, count(len(list), "case", "cases"))
		return 0, nil
	case was == nil:
		fmt.Fprintf(out, "%s %s: %s; nothing is on record of this client\n", now.Client, now.Version, count(len(list), "case", "cases"))
		return 0, nil
	}
	drifts := compare.Drifts(was, now)
	if was.Version != now.Version {
		fmt.Fprintf(out, "%s %s is not on record; held against %s\n", now.Client, now.Version, was.Version)
	}
	fmt.Fprintf(out, "%s %s: %s, %s not as recorded\n", now.Client, now.Version, count(len(list), "case", "cases"), count(len(drifts), "value", "values"))
	if err := compare.WriteDrifts(out, drifts); err != nil {
		return 0, &exit{code: exitHarness, err: err}
	}
	return len(drifts), nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
