package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/compare"
	"github.com/touchstone-webauthn/touchstone/target"
)

// asked are the options that a Relying Party gives a new user, and then that user
// for a login.
func (f *compareFlags) asked(ctx context.Context) ([]compare.Input, error) {
	f.ask.origin = f.origin
	end, err := f.ask.startAdapter(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	f.ask.seed = randomHex(4)
	targets, err := f.ask.targets()
	if err != nil {
		return nil, err
	}
	t := targets[0]
	f.origin = t.Origin()
	a := &asker{t: t, s: t.NewSession(t.NewUser("compare-" + randomHex(6)))}
	if err := a.s.Setup(ctx); err != nil {
		return nil, a.failed(ctx, "signing up a new account", err)
	}
	var inputs []compare.Input
	add := func(kind string, options json.RawMessage) error {
		doc, err := json.Marshal(map[string]json.RawMessage{"publicKey": options})
		if err != nil {
			return usage("", "%s: the %s options are no JSON: %w", t.Name(), kind, err)
		}
		more, err := f.read(t.Name()+" "+kind, doc)
		inputs = append(inputs, more...)
		return err
	}
	creation, err := a.begin(ctx, target.Registration)
	if err != nil {
		return nil, err
	}
	if f.ceremony != target.Authentication {
		if err := add(target.Registration, creation.Options); err != nil {
			return nil, err
		}
	}
	if f.ceremony == target.Registration || f.ceremony == "" && t.Feature(target.Authentication).Absent != "" {
		return inputs, nil
	}
	if err := a.register(ctx, creation); err != nil {
		return nil, err
	}
	request, err := a.begin(ctx, target.Authentication)
	if err != nil {
		return nil, err
	}
	return inputs, add(target.Authentication, request.Options)
}

// asker is a user of the Relying Party that is asked.
type asker struct {
	t *target.Target
	s *target.Session
}

func (a *asker) begin(ctx context.Context, kind string) (*target.Ceremony, error) {
	c, err := a.s.Begin(ctx, kind, target.Request{})
	if err != nil {
		return nil, a.failed(ctx, "a request for "+kind+" options", err)
	}
	return c, nil
}

// register finishes a registration with the virtual client.
func (a *asker) register(ctx context.Context, c *target.Ceremony) error {
	cl := client.NewVirtual()
	defer func() { _ = cl.Close() }() // it holds nothing
	page, err := cl.Open(ctx, client.SessionConfig{Origin: a.t.Origin(), Seed: []byte(randomHex(8))})
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	defer func() { _ = page.Close() }() // likewise
	if _, err := page.Plug(ctx, client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true}); err != nil {
		return &exit{code: exitHarness, err: err}
	}
	made, err := page.Create(ctx, c.Options)
	if err != nil {
		return usage("--ceremony registration compares the clients on these options", "%s: the virtual client does not register with its options: %w", a.t.Name(), err)
	}
	credential, err := json.Marshal(made.Response)
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	o, err := c.Finish(ctx, credential, target.WireFaults{})
	if err == nil && o.Kind != target.Accepted {
		err = &target.StepError{Step: "result", Outcome: *o}
	}
	if err != nil {
		return a.failed(ctx, "a registration", err)
	}
	return nil
}

// failed is what to say of a step that came to nothing.
func (a *asker) failed(ctx context.Context, what string, err error) error {
	var se *target.StepError
	switch {
	case ctx.Err() != nil:
		return &exit{code: exitInterrupted}
	case errors.As(err, &se) && se.Outcome.Kind == target.Crashed:
		return &exit{code: exitUnreachable, err: fmt.Errorf("%s: %s: %w", a.t.Name(), what, err), hint: "is the target running, and is it spoken to in its own dialect? touchstone profile check FILE shows every exchange"}
	}
	return usage("touchstone profile check FILE shows every exchange", "%s: %s: %w", a.t.Name(), what, err)
}
