package suites

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
)

// tracer keeps what a case does, for Config.Trace. It is nil where nobody asked.
type tracer struct {
	began   time.Time
	records []*record
	events  []client.Event
}

// record is one ceremony. What it holds is redacted at the end, when all secrets
// of its session are known.
type record struct {
	reports.TraceCeremony
	cer *target.Ceremony
}

func (c *Case) note(kind, format string, args ...any) {
	if c.tracer != nil {
		c.tracer.events = append(c.tracer.events, client.Event{Time: time.Now(), Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
}

// record notes a ceremony that has its options, once.
func (c *Case) record(cer *target.Ceremony, a *Account) *record {
	if c.tracer == nil {
		return nil
	}
	for _, r := range c.tracer.records {
		if r.cer == cer {
			return r
		}
	}
	r := &record{cer: cer, TraceCeremony: reports.TraceCeremony{
		Kind: cer.Kind, Origin: c.Target.Origin(), TopOrigin: c.place.TopOrigin, Options: cer.Options, Wire: cer.Wire,
	}}
	if c.place.Origin != "" {
		r.Origin = c.place.Origin
	}
	if a != nil && a.Session != nil {
		r.User = a.Session.User().Name
	}
	c.tracer.records = append(c.tracer.records, r)
	return r
}

// traced is the attempt's record; nil where nothing is traced.
func (t *Attempt) traced() *record {
	if t.record == nil {
		t.record = t.Account.c.record(t.Ceremony, t.Account)
	}
	return t.record
}

// called notes what came of create() or get().
func (t *Attempt) called(method string, options json.RawMessage, response any, err error, began time.Time) {
	r := t.traced()
	if r == nil {
		return
	}
	call := reports.TraceCall{Method: method, DurationMs: time.Since(began).Milliseconds()}
	if !bytes.Equal(options, r.Options) {
		call.Options = options
	}
	var refused *client.Error
	switch {
	case err == nil:
		call.Response, _ = json.Marshal(response) // a response that does not marshal ends the case where it is sent
	case errors.As(err, &refused):
		call.Error = &reports.TraceError{Name: refused.Name, Message: refused.Message}
	default:
		call.Error = &reports.TraceError{Name: "HarnessError", Message: err.Error()}
	}
	if cfg := t.Account.plugged; cfg != nil {
		r.Authenticator = describeAuthenticator(*cfg)
	}
	r.Calls = append(r.Calls, call)
}

// sent notes a credential and the RP's answer to it.
func (t *Attempt) sent(cer *target.Ceremony, credential json.RawMessage, w target.WireFaults, o *target.Outcome) {
	c := t.Account.c
	if c.tracer == nil || o == nil {
		return
	}
	r := t.traced()
	if cer != t.Ceremony {
		r = c.record(cer, t.Account)
	}
	r.Sent = append(r.Sent, reports.TraceSent{
		Credential: credential, Faults: append(slices.Clone(t.faults), w.Names()...),
		Outcome: string(o.Kind), Status: o.Status, Message: o.Message,
	})
}

// describeAuthenticator is a configuration without what is not set.
func describeAuthenticator(cfg client.AuthenticatorConfig) map[string]any {
	m := map[string]any{"transport": cfg.Transport}
	if cfg.Transport == "" {
		m["transport"] = "usb"
	}
	for name, set := range map[string]bool{
		"u2f": cfg.U2F, "residentKeys": cfg.ResidentKeys, "userVerification": cfg.UserVerification,
		"backupEligible": cfg.BackupEligible, "backupState": cfg.BackupState, "selfAttestation": cfg.SelfAttestation, "extensions": cfg.Extensions,
	} {
		if set {
			m[name] = true
		}
	}
	if cfg.Format != "" {
		m["format"] = cfg.Format
	}
	return m
}

// plugText is a configuration on one line.
func plugText(cfg client.AuthenticatorConfig) string {
	text, _ := json.Marshal(describeAuthenticator(cfg)) // strings and booleans always marshal
	return string(text)
}

// twinOf takes over what the case of the valid twin noted.
func (t *tracer) twinOf(v *tracer) {
	if t == nil || v == nil {
		return
	}
	for _, r := range v.records {
		r.Twin = true
	}
	t.records = append(t.records, v.records...)
	t.events = append(t.events, v.events...)
}

// trace is the case as a file.
func (c *Case) trace(res *reports.Check, exchanges []reports.Exchange) *reports.Trace {
	r := c.lane.run
	suite := r.report.Suite
	out := &reports.Trace{
		TraceVersion: reports.TraceVersion, Recorded: c.tracer.began.UTC(), Suite: &suite,
		Target: &reports.Target{Name: c.Target.Name(), URL: c.Target.URL(), Dialect: c.Target.Dialect(), RPID: c.Target.RPID(), Origin: c.Target.Origin(), Adapter: c.Target.Adapter()},
		Client: reports.Client{Name: c.lane.client.Name(), Version: c.lane.client.Version()},
		Check: &reports.TraceCheck{
			ID: res.ID, Title: res.Title, Level: res.Level, Verdict: res.Verdict, Reason: res.Reason, Message: res.Message,
			Requirements: res.Requirements, Faults: res.Faults, Notes: res.Notes, Rerun: res.Rerun, DurationMs: res.DurationMs,
		},
		Exchanges: exchanges,
	}
	for _, r := range c.tracer.records {
		t := r.TraceCeremony
		if bytes.Equal(compact(t.Wire), compact(t.Options)) {
			t.Wire = nil
		}
		for _, member := range []*json.RawMessage{&t.Options, &t.Wire} {
			*member = r.redacted(*member)
		}
		for i := range t.Calls {
			t.Calls[i].Options, t.Calls[i].Response = r.redacted(t.Calls[i].Options), r.redacted(t.Calls[i].Response)
			if e := t.Calls[i].Error; e != nil {
				t.Calls[i].Error = &reports.TraceError{Name: e.Name, Message: c.redact(e.Message)}
			}
		}
		for i := range t.Sent {
			t.Sent[i].Credential, t.Sent[i].Message = r.redacted(t.Sent[i].Credential), c.redact(t.Sent[i].Message)
		}
		out.Ceremonies = append(out.Ceremonies, t)
	}
	events := c.tracer.events
	if seen, ok := c.page.(client.Observant); ok {
		events = append(events, seen.Events()...)
	}
	slices.SortStableFunc(events, func(a, b client.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range events {
		out.Events = append(out.Events, reports.TraceEvent{AtMs: max(0, e.Time.Sub(c.tracer.began).Milliseconds()), Kind: e.Kind, Text: c.redact(e.Text)})
	}
	return out
}

// redacted is data without its session's secrets, as JSON whatever it was.
func (r *record) redacted(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return nil
	}
	text := r.cer.Redact(string(data))
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, _ := json.Marshal(text) // a string always marshals
	return quoted
}

func compact(data json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data
	}
	return b.Bytes()
}

// Limits of what a report keeps of a browser's view.
const (
	// maxScreenshots is how many one run takes: later failures tend to look alike,
	// and each costs some tens of kilobytes and milliseconds.
	maxScreenshots = 40
	maxScreenshot  = 256 << 10
	maxConsole     = 16 << 10
)

// evidence is what the client's browser can tell of a case that did not pass.
func (c *Case) evidence() []reports.Evidence {
	page, ok := c.page.(client.Observant)
	if !ok {
		return nil
	}
	var out []reports.Evidence
	var log strings.Builder
	for _, e := range page.Events() {
		line := fmt.Sprintf("%s %s: %s\n", e.Time.UTC().Format("15:04:05.000"), e.Kind, e.Text)
		if log.Len()+len(line) > maxConsole {
			log.WriteString("... and more\n")
			break
		}
		log.WriteString(line)
	}
	if log.Len() > 0 {
		out = append(out, reports.Evidence{Kind: reports.EvidenceConsole, MediaType: "text/plain", Text: c.redact(log.String())})
	}
	if c.ctx.Err() != nil || !c.lane.run.mayScreenshot() {
		return out
	}
	picture, err := page.Screenshot(c.ctx)
	switch {
	case err != nil:
		out = append(out, reports.Evidence{Kind: reports.EvidenceScreenshot, Note: "no picture could be taken: " + err.Error()})
	case len(picture.Data) > maxScreenshot:
		out = append(out, reports.Evidence{Kind: reports.EvidenceScreenshot, Note: fmt.Sprintf("the picture has %d bytes and was left out", len(picture.Data))})
	default:
		out = append(out, reports.Evidence{Kind: reports.EvidenceScreenshot, MediaType: picture.MediaType, Data: picture.Data})
	}
	return out
}

func (r *run) mayScreenshot() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.screenshots++
	return r.screenshots <= maxScreenshots
}
