package compare

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// Input is one call to be made in every client.
type Input struct {
	// Name says where the call is from, for a person; of a case, its name.
	Name string
	// Origin is the page's origin.
	Origin string
	Call   client.Call
	// Authenticator is what is plugged in.
	Authenticator client.AuthenticatorConfig
	// Held are credentials that are put on the authenticator before the call.
	Held []Held
	// Registered are options of create() calls that go before, after Held. Their
	// credentials' ids are what {"$id": 0} and so on stand for in the call's options.
	Registered []json.RawMessage
	// notes are what a case says of its differences.
	notes []Note
}

// Held is a credential that an authenticator has before the call.
type Held struct {
	ID []byte
	// RPID is the RP ID it is scoped to, or an AppID.
	RPID       string
	Resident   bool
	UserHandle []byte
}

// Outcome is what one client made of an Input.
type Outcome struct {
	// Client and Version name the client as client.Client does.
	Client  string `json:"client"`
	Version string `json:"version"`
	// Fields is what can be compared.
	Fields Fields `json:"fields,omitempty"`
	// Message is the text of a rejection, which differs from browser to browser.
	Message string `json:"message,omitempty"`
	// Cannot says why the client could not be asked; Fields is empty then.
	Cannot     string `json:"cannot,omitempty"`
	DurationMs int64  `json:"-"`
}

// Fields are named texts; see FieldNames for the names.
type Fields map[string]string

// Comparison is what the clients made of one Input.
type Comparison struct {
	Name   string          `json:"name"`
	Origin string          `json:"origin"`
	Method string          `json:"method"`
	JSON   bool            `json:"parsedByBrowser,omitempty"`
	Given  json.RawMessage `json:"options,omitempty"`
	// Findings are what the options themselves break.
	Findings []Finding `json:"findings,omitempty"`
	Outcomes []Outcome `json:"outcomes"`
	// Reference is the client that the others are held against.
	Reference   string       `json:"reference,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
}

// Run puts every input through every client. A client that cannot be asked
// something has an Outcome that says so; an error is a client or a browser that
// failed. Each call has a session and an authenticator of its own.
func Run(ctx context.Context, inputs []Input, clients []client.Client) ([]Comparison, error) {
	out := make([]Comparison, len(inputs))
	for i, in := range inputs {
		out[i] = Comparison{
			Name: in.Name, Origin: in.Origin, Method: in.Call.Method, JSON: in.Call.JSON, Given: in.Call.Options,
			Outcomes: make([]Outcome, len(clients)),
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for c, cl := range clients {
		next := make(chan int)
		for range jobsOf(cl) {
			all.Go(func() {
				for i := range next {
					o, err := ask(ctx, inputs[i], cl)
					if err != nil {
						stop(fmt.Errorf("%s: %s: %w", inputs[i].Name, cl.Name(), err))
					}
					out[i].Outcomes[c] = o
				}
			})
		}
		all.Go(func() {
			defer close(next)
			for i := range inputs {
				select {
				case next <- i:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i := range out {
		out[i].Findings = findings(inputs[i])
		out[i].Reference, out[i].Differences = differences(inputs[i], out[i].Findings, out[i].Outcomes)
	}
	return out, nil
}

// jobsOf is how many calls a client runs at once: those that wait for a timeout
// then wait together. Browsers under remote control have one page.
func jobsOf(c client.Client) int {
	if c.Name() == "chrome" || c.Name() == "virtual" {
		return 6
	}
	return 1
}

// ask makes the call in one client. A browser that was lost is tried once more.
func ask(ctx context.Context, in Input, c client.Client) (Outcome, error) {
	began := time.Now()
	o, err := askOnce(ctx, in, c)
	if err != nil && errors.Is(err, client.ErrLost) && ctx.Err() == nil {
		o, err = askOnce(ctx, in, c)
	}
	o.Client, o.Version, o.DurationMs = c.Name(), c.Version(), time.Since(began).Milliseconds()
	return o, err
}

func askOnce(ctx context.Context, in Input, c client.Client) (Outcome, error) {
	if u, ok := c.(*client.Unavailable); ok {
		return Outcome{Cannot: u.Cause.Error()}, nil
	}
	if in.Authenticator.U2F && !c.Carries(client.U2F) {
		return Outcome{Cannot: "it has no U2F authenticator"}, nil
	}
	if (in.Authenticator.BackupEligible || in.Authenticator.BackupState) && !c.Carries(client.Flags) {
		return Outcome{Cannot: "its authenticator has no backup flags"}, nil
	}
	s, err := c.Open(ctx, client.SessionConfig{Origin: in.Origin})
	if err != nil {
		return Outcome{}, err
	}
	defer s.Close()
	caller, ok := s.(client.Caller)
	if !ok {
		return Outcome{Cannot: "it is not made for single calls"}, nil
	}
	a, err := s.Plug(ctx, in.Authenticator)
	if err != nil {
		return Outcome{}, err
	}
	p := place{origin: in.Origin}
	if err := p.prepare(ctx, in, s, a); err != nil {
		return Outcome{}, err
	}
	call := in.Call
	if call.Options, err = p.fill(call.Options); err != nil {
		return Outcome{}, err
	}
	p.options = call.Options
	called, err := caller.Call(ctx, call)
	if errors.Is(err, client.ErrCannot) {
		return Outcome{Cannot: "it is no browser and has only create() and get()"}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	return p.outcome(call, called)
}

// place is what is known of the page and the authenticator when a call is made.
type place struct {
	origin  string
	options json.RawMessage
	ids     [][]byte
	known   []client.Credential
}

func (p *place) prepare(ctx context.Context, in Input, s client.Session, a client.Authenticator) error {
	for i, h := range in.Held {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		c := client.Credential{
			ID: h.ID, RPID: h.RPID, UserHandle: h.UserHandle, PrivateKey: key, Algorithm: -7, SignCount: 1,
			Resident: h.Resident, BackupEligible: in.Authenticator.BackupEligible, BackupState: in.Authenticator.BackupState,
		}
		if err := a.Import(ctx, c); err != nil {
			return fmt.Errorf("put credential %d on the authenticator: %w", i+1, err)
		}
		p.known = append(p.known, c)
	}
	for i, options := range in.Registered {
		options, err := p.fill(options)
		if err != nil {
			return err
		}
		r, err := s.Create(ctx, options)
		if err != nil {
			return fmt.Errorf("register credential %d ahead of the call: %w", i+1, err)
		}
		p.ids = append(p.ids, r.Response.RawID)
		if r.Credential != nil {
			p.known = append(p.known, *r.Credential)
		}
	}
	return nil
}

// rpID is the RP ID that a page has where the options name none.
func rpID(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
