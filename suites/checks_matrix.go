package suites

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
)

// matrixChecks go through combinations that people have at home, a registration
// and a login each. One combination that fails is named with the others.
func matrixChecks() []*Check {
	return []*Check{
		{
			ID: "registration.matrix.attestation", Title: "Every conveyance, over every transport, from CTAP2 and from U2F authenticators is accepted",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-22", "webauthn-3/7.1/step-29"},
			Why:   "Security keys, phones and platforms report transports and statements of their own; an RP that was tried with one of them knows one of them.",
			Needs: []string{"registration", "request.attestation", needTrust}, Abilities: []client.Ability{client.U2F, client.Flags},
			Story: func(c *Case) {
				m := matrix{c: c}
				for _, conveyance := range []string{"none", "direct", "indirect", "enterprise"} {
					if conveyance == "enterprise" && !m.offers(conveyance) {
						continue
					}
					for _, transport := range []string{"usb", "nfc", "ble", "internal", "hybrid"} {
						for _, u2f := range []bool{false, true} {
							rare := conveyance == "indirect" || conveyance == "enterprise"
							if u2f && (transport == "internal" || transport == "hybrid") || rare && transport != "usb" {
								continue
							}
							if u2f && c.Target.Feature("attestation.fido-u2f").Absent != "" && conveyance != "none" {
								continue
							}
							cfg := client.AuthenticatorConfig{U2F: u2f, Transport: transport, ResidentKeys: !u2f, UserVerification: !u2f}
							kind := "ctap2"
							if u2f {
								kind = "u2f"
							}
							m.try(fmt.Sprintf("%s %s %s", conveyance, transport, kind), Setting{Attestation: conveyance, Authenticator: cfg}, Setting{})
						}
					}
				}
				m.done()
			},
		},
		{
			ID: "registration.matrix.flags", Title: "Every combination of user verification, resident key and backup that an authenticator may have is accepted",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-29", "webauthn-3/7.1/step-16", "webauthn-3/7.1/step-17", "webauthn-3/7.2/step-25"},
			Why:   "UV, BE and BS are the user's and the platform's doing; an RP may demand the one it asked for and nothing else.",
			Needs: []string{"registration", "authentication"}, Abilities: []client.Ability{client.Flags, client.Discoverable},
			Story: func(c *Case) {
				m := matrix{c: c}
				canAskUV := c.Target.Feature("request.user-verification").Absent == ""
				canAskRK := c.Target.Feature("request.resident-key").Absent == "" && c.Target.Feature("request.resident-key").Declared
				policy := c.Target.Feature("user-verification").Value
				for _, uv := range []string{"", "required", "discouraged"} {
					if uv != "" && !canAskUV {
						continue
					}
					for _, rk := range []string{"", "required"} {
						if rk != "" && !canAskRK {
							continue
						}
						for _, verifies := range []bool{true, false} {
							if !verifies && (uv == "required" || uv == "" && policy == "required") {
								continue
							}
							for _, backup := range []string{"", "BE", "BE BS"} {
								cfg := client.AuthenticatorConfig{
									// Chrome refuses resident keys without user verification.
									Transport: "internal", ResidentKeys: verifies, UserVerification: verifies,
									BackupEligible: backup != "", BackupState: backup == "BE BS",
								}
								if !verifies {
									cfg.Transport = "usb"
									if rk != "" {
										continue
									}
								}
								name := fmt.Sprintf("uv=%s rk=%s verifies=%v [%s]", orDash(uv), orDash(rk), verifies, backup)
								m.try(name, Setting{UserVerification: uv, ResidentKey: rk, Authenticator: cfg}, Setting{UserVerification: uv})
							}
						}
					}
				}
				m.done()
			},
		},
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// matrix counts combinations.
type matrix struct {
	c              *Case
	tried, skipped int
	refused        []string
}

// try registers with the one setting and logs in with the other.
func (m *matrix) try(name string, registration, login Setting) {
	c := m.c
	a := c.Account(name, registration.Authenticator)
	t := a.Begin(Registration, registration, true)
	if optionsDemand(t, registration) {
		m.skipped++
		return
	}
	if ce := t.Create(); ce != nil {
		// What this client's authenticators cannot do is none of the RP's doing.
		m.skipped++
		return
	}
	m.tried++
	o := t.Send(noWire)
	if m.crash(o, "a registration ("+name+")"); o.Kind != target.Accepted {
		m.refused = append(m.refused, fmt.Sprintf("%s: registration %s", name, answer(o)))
		return
	}
	if c.Target.Feature(Authentication).Absent != "" {
		return
	}
	login.Authenticator = registration.Authenticator
	l := a.Begin(Authentication, login, true)
	if ce := l.Get(); ce != nil {
		m.skipped++
		return
	}
	o = l.Send(noWire)
	if m.crash(o, "an authentication ("+name+")"); o.Kind != target.Accepted {
		m.refused = append(m.refused, fmt.Sprintf("%s: authentication %s", name, answer(o)))
	}
}

// offers tells whether the RP gives options with the conveyance. enterprise is for
// deployments that manage their authenticators: no text has every RP offer it, and one
// that says so when it is asked refuses nobody's response.
func (m *matrix) offers(conveyance string) bool {
	c := m.c
	_, err := c.Account("offers "+conveyance, client.AuthenticatorConfig{}).Session.Begin(c.ctx, Registration, Setting{Attestation: conveyance}.request())
	var se *target.StepError
	if errors.As(err, &se) {
		m.crash(&se.Outcome, "a request for registration options ("+conveyance+")")
		return se.Outcome.Kind != target.Rejected
	}
	if err != nil {
		c.broken(fmt.Errorf("asking for registration options: %w", err))
	}
	return true
}

func (m *matrix) crash(o *target.Outcome, what string) {
	if o.Kind == target.Crashed {
		m.c.crashed(o, what)
	}
}

// optionsDemand says whether the RP's own options rule the authenticator out.
func optionsDemand(t *Attempt, s Setting) bool {
	var o creation
	t.Account.c.readOptions(t, &o)
	if o.AuthenticatorSelection == nil {
		return false
	}
	required := func(p *string) bool { return p != nil && *p == "required" }
	return required(o.AuthenticatorSelection.ResidentKey) && !s.Authenticator.ResidentKeys ||
		required(o.AuthenticatorSelection.UserVerification) && !s.Authenticator.UserVerification
}

func (m *matrix) done() {
	if len(m.refused) > 0 {
		m.c.Fail(reports.ReasonRejected, "%d of %d legal combinations were refused: %s", len(m.refused), m.tried, strings.Join(slices.Compact(m.refused), "; "))
	}
	if m.tried == 0 {
		m.c.NotApplicable(reports.ReasonFeature, "the RP's options and the client's authenticators leave no combination to try (%d ruled out)", m.skipped)
	}
}
