// Package sidecar lets programs in other languages use the virtual authenticator:
// the same calls as JSON over HTTP (Handler) or as lines on a pipe (Serve).
// What each call takes and gives back is in the types of its name, and for people
// in docs/authenticator.md.
package sidecar

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

// The bounds of what one engine holds: a caller that forgets to delete gets an
// error and not the machine's memory.
const (
	maxAuthenticators = 10_000
	maxSnapshots      = 1_000
)

// Engine keeps authenticators by name. It is safe for concurrent use.
type Engine struct {
	mu             sync.Mutex
	made           int
	authenticators map[string]*virtualauth.Authenticator
	snapshots      map[string]*virtualauth.Snapshot
}

// NewEngine is an engine without authenticators.
func NewEngine() *Engine {
	return &Engine{authenticators: map[string]*virtualauth.Authenticator{}, snapshots: map[string]*virtualauth.Snapshot{}}
}

// Failure is what a call is refused with. Name is that of the DOMException which
// a page would see (NotAllowedError, InvalidStateError, …), or TypeError for a
// mistake in the call itself, or NotFoundError for something that is not there.
type Failure struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Name + ": " + f.Message }

func mistake(format string, args ...any) *Failure {
	return &Failure{"TypeError", fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) *Failure {
	return &Failure{"NotFoundError", fmt.Sprintf(format, args...)}
}

// New is the call that makes an authenticator, as a device of the fleet or by
// its members; without any it is a security key with room for resident keys and
// user verification.
type New struct {
	Device string `json:"device"`
	// Seed in hexadecimal decides every key and id; absent: random.
	Seed             string   `json:"seed"`
	U2F              bool     `json:"u2f"`
	AAGUID           string   `json:"aaguid"`
	Transports       []string `json:"transports"`
	Formats          []string `json:"formats"`
	Algorithms       []int64  `json:"algorithms"`
	ResidentKeys     *bool    `json:"residentKeys"`
	UserVerification *bool    `json:"userVerification"`
	BackupEligible   *bool    `json:"backupEligible"`
	BackupState      *bool    `json:"backupState"`
	AlwaysAttest     bool     `json:"alwaysAttest"`
	// Counter is increment, zero, frozen, global or regress.
	Counter      string `json:"counter"`
	CounterStart uint32 `json:"counterStart"`
	CounterStep  uint32 `json:"counterStep"`
}

// Named is the answer of calls that make an authenticator.
type Named struct {
	Authenticator string `json:"authenticator"`
}

var counters = map[string]virtualauth.CounterMode{
	"increment": virtualauth.CounterIncrement, "zero": virtualauth.CounterZero, "frozen": virtualauth.CounterFrozen,
	"global": virtualauth.CounterGlobal, "regress": virtualauth.CounterRegress,
}

func (n *New) config() (virtualauth.Config, *Failure) {
	var c virtualauth.Config
	var seed []byte
	if n.Seed != "" {
		var err error
		if seed, err = hex.DecodeString(n.Seed); err != nil {
			return c, mistake("seed is not hexadecimal: %s", err)
		}
	}
	if n.Device != "" {
		d, err := fleet.Lookup(n.Device)
		if err != nil {
			return c, missing("%s", err)
		}
		c = d.Config(seed)
	} else {
		every := virtualauth.ExtensionSupport{CredProtect: true, HMACSecret: true, CredBlob: true, LargeBlob: true, UVM: true, MinPINLength: 4}
		c = virtualauth.Config{Seed: seed, ResidentKeys: true, UserVerification: true, Extensions: every}
		if n.U2F {
			c = virtualauth.Config{Seed: seed, Protocol: virtualauth.U2F}
		}
	}
	if n.AAGUID != "" {
		b, err := hex.DecodeString(strings.ReplaceAll(n.AAGUID, "-", ""))
		if err != nil || len(b) != 16 {
			return c, mistake("aaguid is not a UUID of 16 bytes: %.50q", n.AAGUID)
		}
		c.AAGUID = [16]byte(b)
	}
	if n.Transports != nil {
		c.Transports = n.Transports
	}
	if n.Formats != nil {
		c.Formats = n.Formats
	}
	if n.Algorithms != nil {
		c.Algorithms = n.Algorithms
	}
	for _, b := range []struct{ to, from *bool }{
		{&c.ResidentKeys, n.ResidentKeys}, {&c.UserVerification, n.UserVerification}, {&c.BackupEligible, n.BackupEligible}, {&c.BackupState, n.BackupState},
	} {
		if b.from != nil {
			*b.to = *b.from
		}
	}
	c.AlwaysAttest = c.AlwaysAttest || n.AlwaysAttest
	if n.Counter != "" {
		mode, ok := counters[n.Counter]
		if !ok {
			return c, mistake("counter %.50q: use increment, zero, frozen, global or regress", n.Counter)
		}
		c.Counter = virtualauth.Counter{Mode: mode, Start: n.CounterStart, Step: n.CounterStep}
	} else if n.CounterStart != 0 || n.CounterStep != 0 {
		return c, mistake("counterStart and counterStep need a counter: increment, frozen, global or regress")
	}
	return c, nil
}

func (e *Engine) new(n *New) (*Named, error) {
	c, failure := n.config()
	if failure != nil {
		return nil, failure
	}
	a, err := virtualauth.New(c)
	if err != nil {
		return nil, mistake("%s", err)
	}
	return e.keep(a)
}

func (e *Engine) keep(a *virtualauth.Authenticator) (*Named, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.authenticators) >= maxAuthenticators {
		return nil, mistake("there are %d authenticators already: delete some", maxAuthenticators)
	}
	e.made++
	name := fmt.Sprintf("a%d", e.made)
	e.authenticators[name] = a
	return &Named{name}, nil
}

func (e *Engine) find(name string) (*virtualauth.Authenticator, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.authenticators[name]; a != nil {
		return a, nil
	}
	return nil, missing("no authenticator %.50q: the call new makes one", name)
}

// Ceremony is the call create or get: options as an RP's JSON has them, the
// page that runs it, and the faults to make, by the names that the call faults lists.
type Ceremony struct {
	Authenticator string `json:"authenticator"`
	Origin        string `json:"origin"`
	// TopOrigin puts the page into a cross-origin iframe of a page there.
	TopOrigin string `json:"topOrigin"`
	// RelatedOrigins is what the RP ID's /.well-known/webauthn lists.
	RelatedOrigins []string `json:"relatedOrigins"`
	// AppID is the RP's U2F AppID, for faults that need it.
	AppID   string          `json:"appId"`
	Options json.RawMessage `json:"options"`
	Faults  []string        `json:"faults"`
}

// Response is the answer of create and get: what a page would post, as toJSON writes it.
type Response struct {
	Response any `json:"response"`
}

func (c *Ceremony) page() (*virtualauth.Client, json.RawMessage, virtualauth.Faults, error) {
	faults, err := virtualauth.ParseFaults(c.Faults...)
	if err != nil {
		return nil, nil, faults, mistake("%s", err)
	}
	if len(c.Options) == 0 {
		return nil, nil, faults, mistake("options is missing: put the RP's creation or request options there")
	}
	if c.Origin == "" {
		return nil, nil, faults, mistake("origin is missing: say which page runs the ceremony, such as https://rp.example")
	}
	p := &virtualauth.Client{Origin: c.Origin, AppID: c.AppID}
	if c.TopOrigin != "" {
		p.CrossOrigin, p.TopOrigin = true, c.TopOrigin
	}
	if c.RelatedOrigins != nil {
		p.RelatedOrigins = func(context.Context, string) ([]string, error) { return c.RelatedOrigins, nil }
	}
	options := c.Options
	var wrapped struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	if json.Unmarshal(options, &wrapped) == nil && len(wrapped.PublicKey) > 0 {
		options = wrapped.PublicKey
	}
	return p, options, faults, nil
}

func (e *Engine) create(ctx context.Context, c *Ceremony) (*Response, error) {
	a, err := e.find(c.Authenticator)
	if err != nil {
		return nil, err
	}
	page, raw, faults, err := c.page()
	if err != nil {
		return nil, err
	}
	o, err := virtualauth.ParseCreationOptions(raw)
	if err != nil {
		return nil, err
	}
	r, err := page.Create(ctx, a, o, faults)
	if err != nil {
		return nil, err
	}
	return &Response{r.Response}, nil
}

func (e *Engine) get(ctx context.Context, c *Ceremony) (*Response, error) {
	a, err := e.find(c.Authenticator)
	if err != nil {
		return nil, err
	}
	page, raw, faults, err := c.page()
	if err != nil {
		return nil, err
	}
	o, err := virtualauth.ParseRequestOptions(raw)
	if err != nil {
		return nil, err
	}
	r, err := page.Get(ctx, a, o, faults)
	if err != nil {
		return nil, err
	}
	return &Response{r.Response}, nil
}

// On is a call that needs an authenticator and nothing else.
type On struct {
	Authenticator string `json:"authenticator"`
}

func (e *Engine) clone(on *On) (*Named, error) {
	a, err := e.find(on.Authenticator)
	if err != nil {
		return nil, err
	}
	return e.keep(a.Clone())
}

func (e *Engine) remove(on *On) (*struct{}, error) {
	if _, err := e.find(on.Authenticator); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.authenticators, on.Authenticator)
	return &struct{}{}, nil
}

// Saved names a snapshot: the answer of snapshot, and what restore takes.
type Saved struct {
	Authenticator string `json:"authenticator"`
	Snapshot      string `json:"snapshot"`
}

func (e *Engine) snapshot(on *On) (*Saved, error) {
	a, err := e.find(on.Authenticator)
	if err != nil {
		return nil, err
	}
	s := a.Snapshot()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.snapshots) >= maxSnapshots {
		return nil, mistake("there are %d snapshots already: start another process", maxSnapshots)
	}
	name := fmt.Sprintf("s%d", len(e.snapshots)+1)
	e.snapshots[name] = s
	return &Saved{on.Authenticator, name}, nil
}

func (e *Engine) restore(s *Saved) (*struct{}, error) {
	a, err := e.find(s.Authenticator)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	saved := e.snapshots[s.Snapshot]
	e.mu.Unlock()
	if saved == nil {
		return nil, missing("no snapshot %.50q: the call snapshot takes one", s.Snapshot)
	}
	if err := a.Restore(saved); err != nil {
		return nil, mistake("%s", err)
	}
	return &struct{}{}, nil
}

var forms = map[string]virtualauth.Form{"": virtualauth.FormNative, "native": virtualauth.FormNative, "chrome": virtualauth.FormCDP, "virtualwebauthn": virtualauth.FormVirtualWebAuthn}

// Moved is the call credentials (Form), the call import (Form and Credential),
// and the answer of the first.
type Moved struct {
	Authenticator string `json:"authenticator"`
	// Form is native, chrome (WebAuthn.Credential of the DevTools protocol) or virtualwebauthn.
	Form       string          `json:"form"`
	Credential json.RawMessage `json:"credential,omitempty"`
	// Credentials are those stored, oldest first.
	Credentials []json.RawMessage `json:"credentials,omitempty"`
}

func (m *Moved) form() (virtualauth.Form, error) {
	f, ok := forms[m.Form]
	if !ok {
		return f, mistake("form %.50q: use native, chrome or virtualwebauthn", m.Form)
	}
	return f, nil
}

func (e *Engine) credentials(m *Moved) (*Moved, error) {
	a, err := e.find(m.Authenticator)
	if err != nil {
		return nil, err
	}
	form, err := m.form()
	if err != nil {
		return nil, err
	}
	out := &Moved{Authenticator: m.Authenticator, Form: m.Form, Credentials: []json.RawMessage{}}
	for _, c := range a.Credentials() {
		text, err := a.ExportJSON(c.ID, form)
		if err != nil {
			return nil, mistake("credential %s: %s", base64.RawURLEncoding.EncodeToString(c.ID), err)
		}
		out.Credentials = append(out.Credentials, text)
	}
	return out, nil
}

func (e *Engine) importOne(m *Moved) (*struct{}, error) {
	a, err := e.find(m.Authenticator)
	if err != nil {
		return nil, err
	}
	form, err := m.form()
	if err != nil {
		return nil, err
	}
	c, err := virtualauth.ImportJSON(m.Credential, form)
	if err != nil {
		return nil, mistake("%s", err)
	}
	if err := a.Import(c); err != nil {
		return nil, mistake("%s", err)
	}
	return &struct{}{}, nil
}

// Update is the call that changes a stored credential, legally or not; absent
// members stay.
type Update struct {
	Authenticator string `json:"authenticator"`
	// ID is base64url.
	ID             string  `json:"id"`
	SignCount      *uint32 `json:"signCount"`
	BackupEligible *bool   `json:"backupEligible"`
	BackupState    *bool   `json:"backupState"`
}

func (e *Engine) update(u *Update) (*struct{}, error) {
	a, err := e.find(u.Authenticator)
	if err != nil {
		return nil, err
	}
	id, err := base64.RawURLEncoding.DecodeString(u.ID)
	if err != nil {
		return nil, mistake("id is not base64url: %s", err)
	}
	err = a.Update(id, func(c *virtualauth.Credential) {
		if u.SignCount != nil {
			c.SignCount = *u.SignCount
		}
		if u.BackupEligible != nil {
			c.BackupEligible = *u.BackupEligible
		}
		if u.BackupState != nil {
			c.BackupState = *u.BackupState
		}
	})
	if err != nil {
		return nil, missing("%s", err)
	}
	return &struct{}{}, nil
}

// Fault is one of what the call faults lists.
type Fault struct {
	Name       string   `json:"name"`
	Doc        string   `json:"doc"`
	Violates   string   `json:"violates"`
	Ceremonies []string `json:"ceremonies"`
	// Verdict is what an RP must make of it: reject, should-reject, may-reject or accept.
	Verdict string `json:"verdict"`
}

func faults(*struct{}) ([]Fault, error) {
	var list []Fault
	for _, f := range virtualauth.AllFaults() {
		row := Fault{Name: f.Name, Doc: f.Doc, Violates: f.Violates, Ceremonies: []string{}}
		if f.InRegistration() {
			row.Ceremonies = append(row.Ceremonies, "create")
		}
		if f.InAuthentication() {
			row.Ceremonies = append(row.Ceremonies, "get")
		}
		switch f.Strength {
		case virtualauth.MustReject:
			row.Verdict = "reject"
		case virtualauth.ShouldReject:
			row.Verdict = "should-reject"
		case virtualauth.MustAccept:
			row.Verdict = "accept"
		default:
			row.Verdict = "may-reject"
		}
		list = append(list, row)
	}
	return list, nil
}

// Device is one of what the call devices lists.
type Device struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	AAGUID      string   `json:"aaguid"`
	Formats     []string `json:"formats"`
	Quirks      []string `json:"quirks"`
}

func devices(*struct{}) ([]Device, error) {
	var list []Device
	for _, d := range fleet.All() {
		list = append(list, Device{d.Name, d.Description, d.AAGUID.String(), d.Formats, append([]string{}, d.Quirks...)})
	}
	return list, nil
}

// Methods are the calls.
func Methods() []string {
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var methods = map[string]func(context.Context, *Engine, json.RawMessage) (any, error){
	"new":         call(func(_ context.Context, e *Engine, p *New) (*Named, error) { return e.new(p) }),
	"create":      call(func(ctx context.Context, e *Engine, p *Ceremony) (*Response, error) { return e.create(ctx, p) }),
	"get":         call(func(ctx context.Context, e *Engine, p *Ceremony) (*Response, error) { return e.get(ctx, p) }),
	"clone":       call(func(_ context.Context, e *Engine, p *On) (*Named, error) { return e.clone(p) }),
	"delete":      call(func(_ context.Context, e *Engine, p *On) (*struct{}, error) { return e.remove(p) }),
	"snapshot":    call(func(_ context.Context, e *Engine, p *On) (*Saved, error) { return e.snapshot(p) }),
	"restore":     call(func(_ context.Context, e *Engine, p *Saved) (*struct{}, error) { return e.restore(p) }),
	"credentials": call(func(_ context.Context, e *Engine, p *Moved) (*Moved, error) { return e.credentials(p) }),
	"import":      call(func(_ context.Context, e *Engine, p *Moved) (*struct{}, error) { return e.importOne(p) }),
	"update":      call(func(_ context.Context, e *Engine, p *Update) (*struct{}, error) { return e.update(p) }),
	"faults":      call(func(_ context.Context, _ *Engine, p *struct{}) ([]Fault, error) { return faults(p) }),
	"devices":     call(func(_ context.Context, _ *Engine, p *struct{}) ([]Device, error) { return devices(p) }),
}

// call decodes the parameters of a method; a member that it does not know is a
// mistake, since it would be a typing error that nobody hears of.
func call[P, R any](f func(context.Context, *Engine, *P) (R, error)) func(context.Context, *Engine, json.RawMessage) (any, error) {
	return func(ctx context.Context, e *Engine, raw json.RawMessage) (any, error) {
		p := new(P)
		if len(bytes.TrimSpace(raw)) > 0 {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.DisallowUnknownFields()
			if err := d.Decode(p); err != nil {
				return nil, mistake("the parameters: %s", err)
			}
			if d.More() {
				return nil, mistake("the parameters: something follows the JSON object")
			}
		}
		return f(ctx, e, p)
	}
}

// Call runs a method with its parameters in JSON. An error is always a *Failure.
func (e *Engine) Call(ctx context.Context, method string, params json.RawMessage) (any, error) {
	f := methods[method]
	if f == nil {
		return nil, missing("no call %.50q: there are %s", method, strings.Join(Methods(), ", "))
	}
	result, err := f(ctx, e, params)
	if err == nil {
		return result, nil
	}
	var failure *Failure
	var refusal *virtualauth.Error
	switch {
	case errors.As(err, &failure):
		return nil, failure
	case errors.As(err, &refusal):
		return nil, &Failure{refusal.Name, refusal.Message}
	case errors.Is(err, virtualauth.ErrNotApplicable):
		return nil, mistake("%s", err)
	}
	return nil, &Failure{"UnknownError", err.Error()}
}
