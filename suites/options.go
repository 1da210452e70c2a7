package suites

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// creation is what checks look at in creation options, after the dialect's
// mapping to PublicKeyCredentialCreationOptionsJSON. Members are kept raw where
// their very type is in question.
type creation struct {
	RP struct {
		ID   *string `json:"id"`
		Name any     `json:"name"`
	} `json:"rp"`
	User struct {
		ID          string `json:"id"`
		Name        any    `json:"name"`
		DisplayName any    `json:"displayName"`
	} `json:"user"`
	Challenge              string          `json:"challenge"`
	PubKeyCredParams       []parameter     `json:"pubKeyCredParams"`
	Timeout                json.RawMessage `json:"timeout"`
	ExcludeCredentials     []descriptor    `json:"excludeCredentials"`
	AuthenticatorSelection *struct {
		AuthenticatorAttachment *string `json:"authenticatorAttachment"`
		ResidentKey             *string `json:"residentKey"`
		RequireResidentKey      *bool   `json:"requireResidentKey"`
		UserVerification        *string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation *string                    `json:"attestation"`
	Extensions  map[string]json.RawMessage `json:"extensions"`
}

type parameter struct {
	Type json.RawMessage `json:"type"`
	Alg  json.RawMessage `json:"alg"`
}

// alg is the entry's algorithm, if it is an integer.
func (p parameter) alg() (int64, bool) {
	var f float64
	if json.Unmarshal(p.Alg, &f) != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

type descriptor struct {
	Type       string          `json:"type"`
	ID         string          `json:"id"`
	Transports json.RawMessage `json:"transports"`
}

// request is the same for request options.
type request struct {
	Challenge        string                     `json:"challenge"`
	Timeout          json.RawMessage            `json:"timeout"`
	RPID             *string                    `json:"rpId"`
	AllowCredentials []descriptor               `json:"allowCredentials"`
	UserVerification *string                    `json:"userVerification"`
	Extensions       map[string]json.RawMessage `json:"extensions"`
}

// creation asks for creation options and reads them.
func (a *Account) creation(s Setting) (*Attempt, creation) {
	t := a.Begin(Registration, s, true)
	var o creation
	a.c.readOptions(t, &o)
	return t, o
}

// request asks for request options and reads them.
func (a *Account) request(s Setting) (*Attempt, request) {
	t := a.Begin(Authentication, s, true)
	var o request
	a.c.readOptions(t, &o)
	return t, o
}

func (c *Case) readOptions(t *Attempt, into any) {
	t.traced()
	if err := json.Unmarshal(t.Ceremony.Options, into); err != nil {
		c.Fail("malformed-options", "the options are not of the shape of WebAuthn's JSON: %v", err)
	}
}

// validateOptions fails the case at the first deviation from the schema of the
// L3 JSON dictionaries.
func (c *Case) validateOptions(t *Attempt) {
	var found []string
	for _, d := range t.Ceremony.Validate() {
		if d.Where == "options" {
			found = append(found, fmt.Sprintf("%s %s", d.Pointer, d.Message))
		}
	}
	if len(found) > 0 {
		c.Fail("malformed-options", "the options deviate from the dictionary: %s", strings.Join(found, "; "))
	}
}

// decode reads base64url without padding, the only form that clients take.
func (c *Case) decode(member, text string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		c.Fail("malformed-options", "%s is not base64url without padding: %v", member, err)
	}
	return b
}

func b64u(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sameIDs fails the case unless list holds exactly the ids, in any order.
func (c *Case) sameIDs(member string, list []descriptor, ids ...[]byte) {
	want := map[string]bool{}
	for _, id := range ids {
		want[b64u(id)] = true
	}
	got := map[string]bool{}
	for _, d := range list {
		if d.Type != "public-key" {
			c.Fail("wrong-list", "%s has an entry of type %q; a client ignores all but public-key", member, d.Type)
		}
		if got[d.ID] {
			c.Fail("wrong-list", "%s lists credential %s twice", member, d.ID)
		}
		got[d.ID] = true
		if !want[d.ID] {
			c.Fail("wrong-list", "%s lists %s, which is no credential of this account", member, d.ID)
		}
	}
	for id := range want {
		if !got[id] {
			c.Fail("wrong-list", "%s does not list credential %s, which this account has", member, id)
		}
	}
}

// timeoutInRange fails the case unless timeout, where present, is a whole
// number of milliseconds from one second to an hour. The recommended range is
// 300 to 600 seconds (https://www.w3.org/TR/webauthn-3/#sctn-timeout-recommended-range),
// from which an RP may well depart; outside ours no person can use it.
func (c *Case) timeoutInRange(raw json.RawMessage) {
	if raw == nil {
		return
	}
	var ms float64
	if err := json.Unmarshal(raw, &ms); err != nil || ms != math.Trunc(ms) {
		c.Fail("bad-timeout", "timeout is %s, not a whole number of milliseconds", raw)
	}
	if ms < 1000 || ms > 3_600_000 {
		c.Fail("bad-timeout", "timeout is %s ms, outside one second to one hour", raw)
	}
}

// extensionIs fails the case unless the options carry the extension with the value.
func (c *Case) extensionIs(extensions map[string]json.RawMessage, name string, want any) {
	raw, ok := extensions[name]
	if !ok {
		c.Fail("extension-missing", "the options do not carry the extension %s", name)
	}
	var got any
	if err := json.Unmarshal(raw, &got); err != nil || got != want {
		c.Fail("extension-differs", "the options carry %s as %s, not %v", name, raw, want)
	}
}

// appID is the AppID that the target uses: what the profile says, else the origin.
func (c *Case) appID() string {
	if f := c.Target.Feature("x-app-id"); f.Value != "" {
		return f.Value
	}
	return c.Target.Origin()
}

// carries ends the case as not applicable when the dialect has no way to have the extension.
func (c *Case) extensionSetting(name string, value any) Setting {
	c.Require("extension." + name)
	if c.Target.Feature("extension."+name).Value == "request" {
		return Setting{Extensions: map[string]any{name: value}}
	}
	return Setting{}
}
