package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
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

// startAdapter starts the program of --adapter, if there is one, for targets to
// speak to, and returns what ends it.
func (f *runFlags) startAdapter(ctx context.Context) (end func(), err error) {
	if f.adapter == "" {
		return func() {}, nil
	}
	if f.target != "" {
		return nil, usage("the adapter is the Relying Party; leave --target out", "--adapter and --target cannot both be given")
	}
	if len(f.dialects) > 1 || len(f.dialects) == 1 && f.dialects[0] != "fido" {
		return nil, usage("leave --dialect out", "an adapter speaks the dialect fido")
	}
	if u, err := url.Parse(f.origin); err == nil {
		f.rpID = cmp.Or(f.rpID, u.Hostname())
	}
	f.rpID = cmp.Or(f.rpID, adapterRPID)
	f.origin = cmp.Or(f.origin, "https://"+f.rpID)
	p, err := adapter.Start(ctx, adapter.Options{Command: strings.Fields(f.adapter), RPID: f.rpID, Origin: f.origin, Timeout: f.timeout})
	if errors.Is(err, adapter.ErrStart) {
		return nil, usage("give a program and its arguments, split at spaces; put anything else into a script", "--adapter: %w", err)
	}
	if err != nil {
		return nil, &exit{code: exitUnreachable, err: err, hint: "docs/adapter.md is the protocol"}
	}
	f.carrier = p
	return p.Close, nil
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
		if len(f.dialects) > 0 {
			return nil, usage("a profile names its dialect itself, with extends", "--profile and --dialect cannot both be given")
		}
		data, err := os.ReadFile(f.profile)
		if err != nil {
			return nil, usage("", "--profile: %w", err)
		}
		p, err := target.LoadProfile(f.profile, data)
		if err != nil {
			return nil, usage("", "%w", err)
		}
		profiles = append(profiles, p)
	default:
		names := f.dialects
		if len(names) == 0 {
			names = []string{"fido"}
			if f.target == "" && f.carrier == nil {
				names = reference.Dialects()
			}
		}
		for _, name := range names {
			load := target.LoadDialect
			if f.target == "" && f.carrier == nil {
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
	if f.carrier != nil {
		for _, p := range profiles {
			if p.Dialect() != "fido" {
				return nil, usage("let the profile extend fido", "an adapter speaks the dialect fido, not %s", p.Dialect())
			}
		}
		o.URL, o.Transport, o.Adapter = adapterURL, f.carrier, secretless(f.adapter)
	}
	if f.target == "" && f.profile == "" && f.carrier == nil {
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
