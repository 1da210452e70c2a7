package compare

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
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
	// Frame is where the page is framed; the zero value is a page of its own.
	Frame Frame
	// Related are the related origins that RP IDs list, as in client.SessionConfig.
	Related map[string][]string
	Call    client.Call
	// Authenticator is what is plugged in.
	Authenticator client.AuthenticatorConfig
	// Held are credentials that are put on the authenticator before the call.
	Held []Held
	// Registered are options of create() calls that go before, after Held. Their
	// credentials' ids are what {"$id": 0} and so on stand for in the call's options.
	Registered []json.RawMessage
	// Recorded is what came of the call before; nil: that is not known. It is the
	// first outcome then, and what the others are held against.
	Recorded *Outcome
	// notes are what a case says of its differences.
	notes []Note
}

// Frame is what a page is framed by, and what it may do there.
type Frame struct {
	// Top is the origin of the top page; empty: the page is in no frame.
	Top string `json:"top" yaml:"top"`
	// Between, Allow and Untouched are those of client.SessionConfig.
	Between   []string `json:"between,omitempty" yaml:"between"`
	Allow     *string  `json:"allow,omitempty" yaml:"allow"`
	Untouched bool     `json:"untouched,omitempty" yaml:"untouched"`
}

// text is the frame for a person; empty where there is none.
func (f *Frame) text() string {
	if f == nil || f.Top == "" {
		return ""
	}
	out := ", in a frame"
	if f.Allow != nil {
		out += fmt.Sprintf(" with allow=%q", *f.Allow)
	}
	if f.Untouched {
		out += " that the user did not click"
	}
	for _, origin := range slices.Backward(f.Between) {
		out += " of " + origin + " in a frame"
	}
	return out + " of " + f.Top
}

// page is the page of the call.
func (in Input) page() client.SessionConfig {
	return client.SessionConfig{
		Origin: in.Origin, TopOrigin: in.Frame.Top, Between: in.Frame.Between, Allow: in.Frame.Allow, Untouched: in.Frame.Untouched,
		RelatedOrigins: in.Related,
	}
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
	Name   string `json:"name"`
	Origin string `json:"origin"`
	// Frame is nil for a page of its own.
	Frame  *Frame          `json:"frame,omitempty"`
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
		if in.Frame.Top != "" {
			out[i].Frame = &in.Frame
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
			for _, i := range orderFor(cl, inputs) {
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
		if was := inputs[i].Recorded; was != nil {
			for _, o := range out[i].Outcomes {
				delete(o.Fields, "toJSON") // a recording has its own shape
			}
			out[i].Outcomes = append([]Outcome{*was}, out[i].Outcomes...)
		}
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

// orderFor is the order in which a client is asked: one with a single page stays
// on it as long as it can, for going to another takes longer than a call.
func orderFor(c client.Client, inputs []Input) []int {
	order := make([]int, len(inputs))
	for i := range order {
		order[i] = i
	}
	if jobsOf(c) == 1 {
		slices.SortStableFunc(order, func(i, j int) int {
			a, b := &inputs[i], &inputs[j]
			return cmp.Or(strings.Compare(a.Origin, b.Origin), strings.Compare(a.Frame.text(), b.Frame.text()))
		})
	}
	return order
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
	if in.Frame.Top != "" && !c.Carries(client.Frames) {
		return Outcome{Cannot: "it has no frames"}, nil
	}
	if in.Related != nil && !c.Carries(client.RelatedOrigins) {
		return Outcome{Cannot: "it cannot be given related origins"}, nil
	}
	s, err := c.Open(ctx, in.page())
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
	// recorded: the outcome is read from a file, which may have less of it.
	recorded bool
	ids      [][]byte
	known    []client.Credential
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
