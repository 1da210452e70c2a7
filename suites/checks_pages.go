package suites

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
)

// Pages of nobody: names that no RP has. Related origins must be of a
// registrable domain; a frame can be of any.
const (
	strangerPage  = "https://touchstone-stranger.example"
	embedderPage  = "https://touchstone-embedder.example"
	needElsewhere = needHTTPS
)

// pageChecks run whole ceremonies on pages other than the RP's own: nothing is
// edited, the browser itself writes origin, crossOrigin and topOrigin.
func pageChecks() []*Check {
	type place struct {
		name, title, why    string
		registration, login string // requirements
		abilities           []client.Ability
		page                func(c *Case) client.SessionConfig
		allowed             func(c *Case, page client.SessionConfig) bool
	}
	var out []*Check
	for _, p := range []place{
		{
			name: "subdomain", title: "on a page of a subdomain of the RP ID",
			why:          "A browser lets every subdomain use the RP ID; whoever holds one of them, a hosted page or an abandoned name, gets good signatures. Only the RP's comparison of origins is in the way.",
			registration: "webauthn-3/7.1/step-9", login: "webauthn-3/7.2/step-12",
			page: func(c *Case) client.SessionConfig {
				return client.SessionConfig{Origin: "https://touchstone-elsewhere." + c.Target.RPID()}
			},
			allowed: acceptedOrigin,
		},
		{
			name: "related-origin", title: "on a page that the RP ID lists as related",
			why:          "Browsers let the origins in /.well-known/webauthn use the RP ID. The list is for browsers; which of them the RP accepts is its own decision, by comparison.",
			registration: "webauthn-3/7.1/step-9", login: "webauthn-3/7.2/step-12",
			abilities: []client.Ability{client.RelatedOrigins},
			page: func(c *Case) client.SessionConfig {
				return client.SessionConfig{Origin: strangerPage, RelatedOrigins: map[string][]string{c.Target.RPID(): {strangerPage}}}
			},
			allowed: acceptedOrigin,
		},
		{
			name: "framed", title: "on the RP's page in a frame of another site",
			why:          "A page that frames the RP can lay anything over it and lead the user's hand. The browser says so in crossOrigin and topOrigin, and the RP is the one to look.",
			registration: "webauthn-3/7.1/step-10", login: "webauthn-3/7.2/step-13",
			abilities: []client.Ability{client.Frames},
			page: func(c *Case) client.SessionConfig {
				return client.SessionConfig{Origin: c.Target.Origin(), TopOrigin: embedderPage}
			},
			// An RP that may be framed names by whom; by this page it may not.
			allowed: func(*Case, client.SessionConfig) bool { return false },
		},
	} {
		for _, kind := range []string{Registration, Authentication} {
			requirement, what := p.registration, "A registration "
			if kind == Authentication {
				requirement, what = p.login, "A login "
			}
			out = append(out, &Check{
				ID: kind + ".page." + p.name, Title: what + p.title + " is refused", Why: p.why,
				Level: Must, Requirements: []string{requirement}, Needs: []string{kind, needElsewhere},
				Abilities: append([]client.Ability{client.Import}, p.abilities...),
				Story: func(c *Case) {
					page := p.page(c)
					if p.allowed(c, page) {
						c.NotApplicable(reports.ReasonFeature, "the profile says that the RP accepts the origin %s", page.Origin)
					}
					c.elsewhere(kind, page, false, p.title)
				},
			})
		}
	}
	// The other way round: what the profile says is accepted must be.
	for _, kind := range []string{Registration, Authentication} {
		origin, top := "webauthn-3/7.1/step-9", "webauthn-3/7.1/step-11.1"
		if kind == Authentication {
			origin, top = "webauthn-3/7.2/step-12", "webauthn-3/7.2/step-14.1"
		}
		out = append(out,
			&Check{
				ID: kind + ".page.further-origins", Title: aKind(kind) + " on every further origin of the RP is accepted",
				Why:   "An RP on several sites has them listed; one that is forgotten locks its users out.",
				Level: Must, Requirements: []string{origin}, Needs: []string{kind, "origins", needElsewhere}, Abilities: []client.Ability{client.Import, client.RelatedOrigins},
				Story: func(c *Case) {
					list := c.origins("origins")
					for _, o := range list {
						c.elsewhere(kind, client.SessionConfig{Origin: o, RelatedOrigins: map[string][]string{c.Target.RPID(): list}}, true, "on "+o)
					}
				},
			},
			&Check{
				ID: kind + ".page.framed-as-declared", Title: aKind(kind) + " in a frame of a page that may frame the RP is accepted",
				Why:   "An RP that is meant to be embedded must know its embedders by topOrigin.",
				Level: Must, Requirements: []string{top}, Needs: []string{kind, "origin.cross", "top-origins", needElsewhere}, Abilities: []client.Ability{client.Import, client.Frames},
				Story: func(c *Case) {
					for _, o := range c.origins("top-origins") {
						c.elsewhere(kind, client.SessionConfig{Origin: c.Target.Origin(), TopOrigin: o}, true, "in a frame of "+o)
					}
				},
			})
	}
	return out
}

// aKind is the kind of ceremony with its article.
func aKind(kind string) string {
	if kind == Authentication {
		return "An authentication"
	}
	return "A registration"
}

// origins is the list that a policy of the profile holds; without one there is nothing to ask.
func (c *Case) origins(policy string) []string {
	list := strings.Fields(c.Target.Feature(policy).Value)
	if len(list) == 0 {
		c.NotApplicable(reports.ReasonFeature, "the profile names no %s", policy)
	}
	return list
}

// acceptedOrigin says whether the profile names the page's origin as one that the RP accepts.
func acceptedOrigin(c *Case, page client.SessionConfig) bool {
	return page.Origin == c.Target.Origin() || slices.Contains(strings.Fields(c.Target.Feature("origins").Value), page.Origin)
}

// elsewhere runs a ceremony on a page that is not the plain one. Its twin, the
// same on the RP's own page, comes first.
func (c *Case) elsewhere(kind string, page client.SessionConfig, accept bool, where string) {
	if u, err := url.Parse(page.Origin); err != nil || u.Hostname() == c.Target.RPID() && page.TopOrigin == "" && page.Origin != c.Target.Origin() {
		c.NotApplicable(reports.ReasonFeature, "there is no such page for the RP ID %s", c.Target.RPID())
	}
	if !accept {
		c.plainTwin(kind, Setting{})
	}
	a := c.Account("alice "+page.Origin+page.TopOrigin, client.AuthenticatorConfig{})
	if kind == Authentication {
		a.Register(Setting{})
	}
	a.moveTo(page)
	t := a.Begin(kind, Setting{}, accept)
	if !accept {
		t = t.naming(c.Target.RPID())
	}
	t.Respond(accept)
	o := t.Send(noWire)
	what := "a registration " + where
	if kind == Authentication {
		what = "an authentication " + where
	}
	if accept {
		c.MustAccept(o, what)
		c.closePage()
		return
	}
	c.MustReject(o, what)
	if kind == Authentication {
		a.MustBeLoggedOut()
	}
}

// naming puts the RP ID into options that leave it out: there it means the host
// of the page, and whoever has a page elsewhere writes whose passkey is wanted.
func (t *Attempt) naming(rpID string) *Attempt {
	var o struct {
		RPID any            `json:"rpId"`
		RP   map[string]any `json:"rp"`
	}
	_ = json.Unmarshal(t.Ceremony.Options, &o) // what does not decode, the client says
	switch {
	case t.Ceremony.Kind == Authentication && o.RPID == nil:
		return t.withOptions(map[string]any{"rpId": rpID})
	case t.Ceremony.Kind == Registration && o.RP != nil && o.RP["id"] == nil:
		o.RP["id"] = rpID
		return t.withOptions(map[string]any{"rp": o.RP})
	}
	return t
}

// moveTo opens another page and takes the account's authenticator along, with
// what is on it.
func (a *Account) moveTo(page client.SessionConfig) {
	c := a.c
	var held []client.Credential
	if a.authenticator != nil {
		var err error
		if held, err = a.authenticator.Credentials(c.ctx); err != nil {
			c.broken(fmt.Errorf("exporting the credentials: %w", err))
		}
	}
	c.closePage()
	page.Seed = append([]byte("elsewhere"), c.seed...)
	s, err := c.lane.client.Open(c.ctx, page)
	if err != nil {
		c.broken(fmt.Errorf("opening a page of %s in %s: %w", page.Origin, c.lane.client.Name(), err))
	}
	c.page, c.place, c.using, a.authenticator = s, page, nil, nil
	c.note("page", "%s %s", page.Origin, page.TopOrigin)
	for _, cred := range held {
		a.put(cred)
	}
}

// closePage ends the page and its authenticators; the next ceremony opens the plain one.
func (c *Case) closePage() {
	if c.page != nil {
		_ = c.page.Close() // what it would lose is wanted no more
		c.page, c.place, c.using = nil, client.SessionConfig{}, nil
	}
}
