package rp

import (
	"encoding/json"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// The options in the two forms of Fortanix. What clients decode is the plain
// WebAuthn JSON: alg -7, rp and user flat. The published API document names the
// algorithm "Es256" and nests the members of rp and user below entity, where no
// browser finds them. Optional members are absent, or null where Nulls is set.
type (
	fortanixCreationJSON struct {
		RP                     any                        `json:"rp"`
		User                   any                        `json:"user"`
		Challenge              string                     `json:"challenge"`
		PubKeyCredParams       []credentialParameter      `json:"pubKeyCredParams"`
		Timeout                optional                   `json:"timeout,omitzero"`
		ExcludeCredentials     []fortanixDescriptorJSON   `json:"excludeCredentials"`
		AuthenticatorSelection fortanixSelectionJSON      `json:"authenticatorSelection"`
		Attestation            string                     `json:"attestation"`
		Extensions             map[string]json.RawMessage `json:"extensions,omitempty"`
	}
	fortanixRequestJSON struct {
		Challenge        string                     `json:"challenge"`
		Timeout          optional                   `json:"timeout,omitzero"`
		RPID             string                     `json:"rpId"`
		AllowCredentials []fortanixDescriptorJSON   `json:"allowCredentials"`
		UserVerification string                     `json:"userVerification"`
		Extensions       map[string]json.RawMessage `json:"extensions,omitempty"`
	}
	fortanixDescriptorJSON struct {
		Type       string   `json:"type"`
		ID         string   `json:"id"`
		Transports optional `json:"transports,omitzero"`
	}
	fortanixSelectionJSON struct {
		AuthenticatorAttachment optional `json:"authenticatorAttachment,omitzero"`
		ResidentKey             optional `json:"residentKey,omitzero"`
		RequireResidentKey      optional `json:"requireResidentKey,omitzero"`
		UserVerification        optional `json:"userVerification,omitzero"`
	}
	publishedRP struct {
		Name   string `json:"name"`
		Entity struct {
			ID string `json:"id"`
		} `json:"entity"`
	}
	publishedUser struct {
		Name   string `json:"name"`
		Entity struct {
			ID          string `json:"id"`
			DisplayName string `json:"displayName"`
		} `json:"entity"`
	}
)

// optional is JSON text that is left out when it is empty.
type optional string

const null optional = "null"

// IsZero makes omitzero leave out what is empty.
func (o optional) IsZero() bool { return o == "" }

// MarshalJSON writes the text as it is.
func (o optional) MarshalJSON() ([]byte, error) { return []byte(o), nil }

// namelessUser is a user without a name.
type namelessUser struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

// optional makes the JSON text of a member. A value that there is none of
// becomes absent, or null where the deployment writes nulls.
func (d *fortanix) optional(v any, there bool) optional {
	if !there {
		if d.cfg.Fortanix.Nulls {
			return null
		}
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return null
	}
	return optional(text)
}

func (d *fortanix) creationJSON(o *ceremony.CreationOptions) fortanixCreationJSON {
	plain := toCreationOptions(o)
	out := fortanixCreationJSON{
		RP:                 plain.RP,
		User:               plain.User,
		Challenge:          plain.Challenge,
		PubKeyCredParams:   plain.PubKeyCredParams,
		Timeout:            d.optional(plain.Timeout, plain.Timeout != 0 && !d.cfg.Fortanix.Nulls),
		ExcludeCredentials: d.descriptorsJSON(o.ExcludeCredentials),
		Attestation:        plain.Attestation,
		Extensions:         plain.Extensions,
	}
	sel := plain.AuthenticatorSelection
	if sel == nil {
		sel = &selection{}
	}
	out.AuthenticatorSelection = fortanixSelectionJSON{
		AuthenticatorAttachment: d.optional(sel.AuthenticatorAttachment, sel.AuthenticatorAttachment != ""),
		ResidentKey:             d.optional(sel.ResidentKey, sel.ResidentKey != ""),
		RequireResidentKey:      d.optional(sel.RequireResidentKey, sel.RequireResidentKey != nil),
		UserVerification:        d.optional(sel.UserVerification, sel.UserVerification != ""),
	}
	if d.cfg.Fortanix.Form == FormNameless {
		out.User = namelessUser{ID: plain.User.ID, DisplayName: plain.User.DisplayName}
	}
	if d.cfg.Fortanix.Form == FormPublished {
		var party publishedRP
		party.Name, party.Entity.ID = plain.RP.Name, plain.RP.ID
		var user publishedUser
		user.Name, user.Entity.ID, user.Entity.DisplayName = plain.User.Name, plain.User.ID, plain.User.DisplayName
		out.RP, out.User = party, user
		out.PubKeyCredParams = []credentialParameter{{Type: "public-key", Alg: "Es256"}}
	}
	return out
}

func (d *fortanix) requestJSON(o *ceremony.RequestOptions) *fortanixRequestJSON {
	plain := toRequestOptions(o)
	return &fortanixRequestJSON{
		Challenge:        plain.Challenge,
		Timeout:          d.optional(plain.Timeout, plain.Timeout != 0 && !d.cfg.Fortanix.Nulls),
		RPID:             plain.RPID,
		AllowCredentials: d.descriptorsJSON(o.AllowCredentials),
		UserVerification: plain.UserVerification,
		Extensions:       plain.Extensions,
	}
}

func (d *fortanix) descriptorsJSON(in []ceremony.Descriptor) []fortanixDescriptorJSON {
	out := make([]fortanixDescriptorJSON, 0, len(in))
	for _, c := range in {
		out = append(out, fortanixDescriptorJSON{
			Type: "public-key", ID: toBase64URL(c.ID),
			Transports: d.optional(c.Transports, len(c.Transports) > 0),
		})
	}
	return out
}
