package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
)

// Recorded is what came of a call when it was recorded.
type Recorded struct {
	// Client names the browser, Version its version or User-Agent.
	Client, Version string
	// Called has Response or Error, as far as they were recorded.
	Called client.Called
}

// recordedName is the name of the outcome that was recorded.
const recordedName = "recorded"

// Outcome is what was recorded of the call, in the words of Fields; what was not
// recorded has no field. An error is a response that is none.
func (r *Recorded) Outcome(in Input) (*Outcome, error) {
	p := place{origin: in.Origin, options: in.Call.Options, recorded: true}
	o, err := p.outcome(in.Call, &r.Called)
	if err != nil {
		return nil, fmt.Errorf("%s: what was recorded is no response: %w", in.Name, err)
	}
	delete(o.Fields, "toJSON") // whoever wrote it down decided the shape
	o.Client, o.Version = recordedName, browserOf(r.Version)
	if r.Client != "" && r.Client != "recorder" {
		o.Version = strings.TrimSpace(r.Client + " " + o.Version)
	}
	return &o, nil
}

// browserOf is the browser that a User-Agent names, behind all those that it
// claims to be; other text stays as it is.
func browserOf(agent string) string {
	if !strings.HasPrefix(agent, "Mozilla/") {
		return agent
	}
	for _, b := range [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"HeadlessChrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"}} {
		if _, after, ok := strings.Cut(agent, b[0]); ok {
			version, _, _ := strings.Cut(after, " ")
			return b[1] + " " + version
		}
	}
	return agent
}

// response is the credential; false where none was recorded.
func (r *Recorded) response() (c credentialJSON, ok bool) {
	if r == nil || r.Called.Response == nil || json.Unmarshal(r.Called.Response, &c) != nil {
		return c, false
	}
	return c, true
}

// excluded says that the call was refused for a credential that the
// authenticator had.
func (r *Recorded) excluded() bool {
	return r != nil && r.Called.Error != nil && r.Called.Error.Name == "InvalidStateError"
}

// held is the credential that answered get(); false where that is not known.
func (r *Recorded) held(method, scope string, cfg client.AuthenticatorConfig) ([]Held, bool) {
	c, ok := r.response()
	id, err := decode(c.RawID)
	if !ok || method != "get" || err != nil || len(id) == 0 {
		return nil, false
	}
	h := Held{ID: id, RPID: scope}
	if handle := c.Response.UserHandle; handle != nil && cfg.ResidentKeys {
		h.Resident = true
		h.UserHandle, _ = decode(*handle) // a handle that is no text is none
	}
	return []Held{h}, true
}

// authenticator is one like that which answered, as its response shows.
func (r *Recorded) authenticator() *client.AuthenticatorConfig {
	c, ok := r.response()
	if !ok {
		return nil
	}
	cfg := client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true}
	has := func(transport string) bool { return slices.Contains(c.Response.Transports, transport) }
	switch {
	case has("internal"), c.Attachment == "platform":
		cfg.Transport = "internal"
	case has("hybrid"):
		cfg.Transport = "hybrid"
	case has("nfc") && !has("usb"):
		cfg.Transport = "nfc"
	}
	if d, err := decode(c.Response.AuthenticatorData); err == nil && len(d) >= 37 {
		cfg.BackupEligible, cfg.BackupState = d[32]&0x08 != 0, d[32]&0x10 != 0
	}
	return &cfg
}

// fromTrace finds the calls of a trace's ceremonies, or their options where none
// was made.
func fromTrace(data []byte) []Found {
	type call struct {
		Method            string
		Options, Response json.RawMessage
		Error             *client.Error
	}
	var trace struct {
		Client     struct{ Name, Version string }
		Ceremonies []struct {
			Kind, Origin, TopOrigin string
			Options                 json.RawMessage
			Authenticator           *struct {
				Transport                                                        string
				U2F, ResidentKeys, UserVerification, BackupEligible, BackupState bool
			}
			Calls []call
		}
	}
	if json.Unmarshal(data, &trace) != nil {
		return nil
	}
	var out []Found
	for i, c := range trace.Ceremonies {
		kind := map[string]string{"registration": "create", "authentication": "get"}[c.Kind]
		calls := c.Calls
		if len(calls) == 0 {
			calls = []call{{Method: kind}}
		}
		for _, one := range calls {
			f := Found{Where: fmt.Sprintf("ceremony %d (%s)", i+1, c.Kind), Origin: c.Origin, Options: c.Options, Method: one.Method, TopOrigin: c.TopOrigin}
			if one.Options != nil {
				f.Options = one.Options
			}
			if kind == "" || first(f.Options) != '{' || f.Method != "create" && f.Method != "get" {
				continue
			}
			if one.Response != nil || one.Error != nil {
				f.Recorded = &Recorded{Client: trace.Client.Name, Version: trace.Client.Version, Called: client.Called{Response: one.Response, Results: resultsOf(one.Response), Error: one.Error}}
				f.Authenticator = f.Recorded.authenticator()
			}
			if a := c.Authenticator; a != nil {
				f.Authenticator = &client.AuthenticatorConfig{
					Transport: a.Transport, U2F: a.U2F, ResidentKeys: a.ResidentKeys, UserVerification: a.UserVerification,
					BackupEligible: a.BackupEligible, BackupState: a.BackupState,
				}
			}
			out = append(out, f)
		}
	}
	return out
}

// resultsOf are the extension results of a response.
func resultsOf(response json.RawMessage) json.RawMessage {
	var r struct {
		Results json.RawMessage `json:"clientExtensionResults"`
	}
	_ = json.Unmarshal(response, &r) // what is no response has none
	return r.Results
}

// sentCredentials finds responses of create() and get() in what a page sent.
func sentCredentials(data json.RawMessage, depth int) []json.RawMessage {
	if depth > 12 {
		return nil
	}
	var out []json.RawMessage
	switch first(data) {
	case '{':
		var o map[string]json.RawMessage
		if json.Unmarshal(data, &o) != nil {
			return nil
		}
		var c credentialJSON
		if json.Unmarshal(data, &c) == nil && c.Response.ClientDataJSON != "" {
			return []json.RawMessage{data}
		}
		for _, name := range slices.Sorted(maps.Keys(o)) {
			out = append(out, sentCredentials(o[name], depth+1)...)
		}
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(data, &list) != nil {
			return nil
		}
		for _, item := range list {
			out = append(out, sentCredentials(item, depth+1)...)
		}
	}
	return out
}

// pair gives the credential to the options with its challenge.
func pair(list []Found, credential json.RawMessage, agent string) {
	var c credentialJSON
	var data struct{ Type, Challenge, Origin, TopOrigin string }
	text, err := []byte(nil), json.Unmarshal(credential, &c)
	if err == nil {
		text, err = decode(c.Response.ClientDataJSON)
	}
	if err != nil || json.Unmarshal(text, &data) != nil {
		return
	}
	if c.RawID == "" { // not every body has both
		c.RawID = c.ID
	}
	sent, err := decode(data.Challenge)
	if err != nil || len(sent) == 0 {
		return
	}
	for i := range list {
		f := &list[i]
		a := asked{method: f.Method}
		_ = json.Unmarshal(f.Options, &a.doc) // options that do not decode have no challenge
		challenge, err := decode(a.text("challenge"))
		if err != nil || string(challenge) != string(sent) || data.Type != "webauthn."+f.Method || f.Recorded != nil {
			continue
		}
		f.Origin, f.TopOrigin = or(data.Origin, f.Origin), data.TopOrigin
		f.Recorded = &Recorded{Version: agent, Called: client.Called{Response: credential, Results: resultsOf(credential)}}
		f.Authenticator = f.Recorded.authenticator()
	}
}
