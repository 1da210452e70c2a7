package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/target/adapter"
)

// An adapter is told this RP ID where no flag names one. Its requests go to no
// address; adapterURL stands for one in reports, under a name that nobody can serve.
const (
	adapterRPID = "rp.example"
	adapterURL  = "https://adapter.invalid"
)

// adapterProgram is an adapter that runs.
type adapterProgram struct {
	*adapter.Process
	command, rpID, origin string
}

// loadProfile reads the file of --profile; nil without one.
func (f *runFlags) loadProfile() (*target.Profile, error) {
	if f.profile == "" {
		return nil, nil
	}
	if len(f.dialects) > 0 {
		return nil, usage("a profile names its dialect itself, with extends", "--profile and --dialect cannot both be given")
	}
	data, err := os.ReadFile(f.profile)
	if err != nil {
		return nil, usage("", "--profile: %w", err)
	}
	found := target.CheckProfile(f.profile, data)
	if n := len(found.Faults); n > 0 {
		hint := ""
		if n > 1 {
			hint = fmt.Sprintf("the first of %d faults; touchstone profile check %s lists them", n, quote(f.profile))
		}
		return nil, usage(hint, "%w", found.Faults[0])
	}
	return found.Profile, nil
}

// startAdapter starts the program of --adapter or, where neither that nor
// --target is given, of the profile, for targets to speak to. It returns what ends it.
func (f *runFlags) startAdapter(ctx context.Context) (end func(), err error) {
	p, err := f.loadProfile()
	if err != nil {
		return nil, err
	}
	var spec target.AdapterSpec
	o := adapter.Options{Timeout: f.timeout}
	of, hint := "--adapter", "give a program and its arguments, split at spaces; put anything else into a script, or into the profile's adapter.command"
	switch {
	case f.adapter != "" && f.target != "":
		return nil, usage("the adapter is the Relying Party; leave --target out", "--adapter and --target cannot both be given")
	case f.adapter != "":
		if len(f.dialects) > 1 || len(f.dialects) == 1 && f.dialects[0] != target.AdapterDialect {
			return nil, usage("leave --dialect out", "an adapter speaks the dialect fido")
		}
		if p != nil && p.Dialect() != target.AdapterDialect {
			return nil, usage("let the profile extend fido", "an adapter speaks the dialect fido, not %s", p.Dialect())
		}
		if o.Command = strings.Fields(f.adapter); len(o.Command) == 0 {
			return nil, usage(hint, "--adapter: no command")
		}
	case f.target == "" && p != nil:
		var ok bool
		if spec, ok = p.Adapter(); !ok {
			return func() {}, nil
		}
		o.Command, o.Dir = spec.Command, filepath.Join(filepath.Dir(f.profile), spec.Dir)
		if filepath.IsAbs(spec.Dir) {
			o.Dir = spec.Dir
		}
		for name, value := range spec.Env {
			o.Env = append(o.Env, name+"="+value)
		}
		of = f.profile + ": adapter"
		hint = fmt.Sprintf("a program with a slash in its name is looked for from adapter.dir, here %s, any other on the PATH", o.Dir)
		if info, err := os.Stat(o.Dir); err != nil || !info.IsDir() {
			return nil, usage("adapter.dir is relative to the profile's file", "%s: %s is no folder", of, o.Dir)
		}
	default:
		return func() {}, nil
	}
	a := &adapterProgram{command: strings.Join(quoteAll(o.Command), " ")}
	a.rpID, a.origin = f.rpID, f.origin
	if p != nil {
		a.rpID, a.origin = cmp.Or(a.rpID, p.RPID()), cmp.Or(a.origin, p.Origin())
	}
	if u, err := url.Parse(a.origin); err == nil {
		a.rpID = cmp.Or(a.rpID, u.Hostname())
	}
	a.rpID = cmp.Or(a.rpID, adapterRPID)
	a.origin = cmp.Or(a.origin, "https://"+a.rpID)
	o.RPID, o.Origin = a.rpID, a.origin
	a.Process, err = adapter.Start(ctx, o)
	switch {
	case err == nil:
		f.program = a
		return a.Close, nil
	case ctx.Err() != nil:
		return nil, &exit{code: exitInterrupted}
	case errors.Is(err, adapter.ErrStart):
		return nil, usage(hint, "%s: %w", of, err)
	case errors.Is(err, adapter.ErrSilent):
		hint = "it must answer each line at once and flush; docs/adapter.md is the protocol"
	case errors.Is(err, adapter.ErrEnded):
		hint = "try it by hand: it must answer a hello and then wait for more; docs/adapter.md is the protocol"
	default:
		hint = "docs/adapter.md is the protocol"
	}
	return nil, &exit{code: exitUnreachable, err: err, hint: hint}
}

// targets builds what the flags name.
func (f *runFlags) targets() ([]*target.Target, error) {
	vars, err := variables(f.vars)
	if err != nil {
		return nil, err
	}
	o := target.Options{URL: f.target, RPID: f.rpID, Origin: f.origin, Timeout: f.timeout, Vars: vars, Version: version(), Seed: []byte(f.seed)}
	var profiles []*target.Profile
	switch {
	case f.profile != "":
		p, err := f.loadProfile()
		if err != nil {
			return nil, err
		}
		profiles = append(profiles, p)
	default:
		names := f.dialects
		if len(names) == 0 {
			names = []string{"fido"}
			if f.target == "" && f.program == nil {
				names = reference.Dialects()
			}
		}
		for _, name := range names {
			load := target.LoadDialect
			if f.target == "" && f.program == nil {
				load = reference.Profile
			}
			p, err := load(name)
			if err != nil {
				return nil, usage("the dialects are: "+strings.Join(target.Dialects(), ", "), "%w", err)
			}
			profiles = append(profiles, p)
		}
	}
	if f.target != "" {
		if err := checkTarget(f.target, f.rpID); err != nil {
			return nil, err
		}
	}
	if f.program != nil {
		o.URL, o.RPID, o.Origin = adapterURL, f.program.rpID, f.program.origin
		o.Transport, o.Adapter = f.program, secretless(f.program.command)
	}
	if f.target == "" && f.profile == "" && f.program == nil {
		if f.rpID != "" || f.origin != "" {
			return nil, usage("give --target, or leave them out: the reference RP is "+reference.RPID, "--rp-id and --origin describe a target, and none was given")
		}
		if o.Handler, err = referenceHandler(names(profiles), f.set); err != nil {
			return nil, err
		}
		o.URL, o.RPID, o.Origin = reference.Origin, reference.RPID, reference.Origin
	}
	var targets []*target.Target
	for _, p := range profiles {
		t, err := target.New(p, o)
		if err != nil {
			return nil, usage("", "%w", err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func names(profiles []*target.Profile) []string {
	out := make([]string, len(profiles))
	for i, p := range profiles {
		out[i] = p.Name()
	}
	return out
}

// checkTarget refuses what can be no target before anything is sent to it.
func checkTarget(raw, rpID string) error {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return usage("write it as https://rp.test or http://localhost:8080", "--target %q is not an http or https URL", raw)
	}
	if rpID == "" && net.ParseIP(u.Hostname()) != nil {
		return usage("add --rp-id localhost --origin http://localhost:PORT, or use a host name in --target", "--target %s: an IP address cannot be an RP ID", raw)
	}
	return nil
}

func variables(list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, v := range list {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usage("", "--var %q is not name=value", v)
		}
		out[name] = value
	}
	return out, nil
}

// referenceHandler is the reference RP, in the forms that the dialects need. It
// answers in this process, with no listener: its URL is its origin, in every
// report and on every machine. Its policy is that of the requirement set.
func referenceHandler(dialects []string, set string) (http.Handler, error) {
	cfg, err := reference.ConfigFor(reference.RPID, reference.Origin, dialects)
	if err == nil {
		err = reference.Apply(&cfg, set)
	}
	if err != nil {
		return nil, usage("", "%w", err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		return nil, &exit{code: exitHarness, err: err}
	}
	return server, nil
}

func newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute}
}
