package rp

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// The members of the options objects, as
// https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialcreationoptionsjson
// and https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialrequestoptionsjson
// have them. A dialect embeds them and changes what it writes differently.
type (
	rpEntity struct {
		ID   string `json:"id,omitempty"`
		Name string `json:"name"`
	}
	userEntity struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	}
	credentialParameter struct {
		Type string `json:"type"`
		Alg  any    `json:"alg"`
	}
	descriptor struct {
		Type       string   `json:"type"`
		ID         string   `json:"id"`
		Transports []string `json:"transports,omitempty"`
	}
	selection struct {
		AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"`
		ResidentKey             string `json:"residentKey,omitempty"`
		RequireResidentKey      *bool  `json:"requireResidentKey,omitempty"`
		UserVerification        string `json:"userVerification,omitempty"`
	}
	creationOptions struct {
		RP                     rpEntity                   `json:"rp"`
		User                   userEntity                 `json:"user"`
		Challenge              string                     `json:"challenge"`
		PubKeyCredParams       []credentialParameter      `json:"pubKeyCredParams"`
		Timeout                int64                      `json:"timeout,omitempty"`
		ExcludeCredentials     []descriptor               `json:"excludeCredentials"`
		AuthenticatorSelection *selection                 `json:"authenticatorSelection,omitempty"`
		Attestation            string                     `json:"attestation"`
		Extensions             map[string]json.RawMessage `json:"extensions,omitempty"`
	}
	requestOptions struct {
		Challenge        string                     `json:"challenge"`
		Timeout          int64                      `json:"timeout,omitempty"`
		RPID             string                     `json:"rpId,omitempty"`
		AllowCredentials []descriptor               `json:"allowCredentials"`
		UserVerification string                     `json:"userVerification"`
		Extensions       map[string]json.RawMessage `json:"extensions,omitempty"`
	}
)

func toCreationOptions(o *ceremony.CreationOptions) creationOptions {
	return creationOptions{
		RP:                     rpEntity{ID: o.RPID, Name: o.RPName},
		User:                   userEntity{ID: toBase64URL(o.User.Handle), Name: o.User.Name, DisplayName: o.User.DisplayName},
		Challenge:              toBase64URL(o.Challenge),
		PubKeyCredParams:       toParameters(o.Algorithms),
		Timeout:                milliseconds(o.Timeout),
		ExcludeCredentials:     toDescriptors(o.ExcludeCredentials),
		AuthenticatorSelection: toSelection(o.Selection),
		Attestation:            o.Attestation,
		Extensions:             o.Extensions,
	}
}

func toRequestOptions(o *ceremony.RequestOptions) requestOptions {
	return requestOptions{
		Challenge:        toBase64URL(o.Challenge),
		Timeout:          milliseconds(o.Timeout),
		RPID:             o.RPID,
		AllowCredentials: toDescriptors(o.AllowCredentials),
		UserVerification: o.UserVerification,
		Extensions:       o.Extensions,
	}
}

func milliseconds(d time.Duration) int64 { return int64(d / time.Millisecond) }

func toParameters(algorithms []int64) []credentialParameter {
	out := make([]credentialParameter, 0, len(algorithms))
	for _, alg := range algorithms {
		out = append(out, credentialParameter{Type: "public-key", Alg: alg})
	}
	return out
}

func toDescriptors(in []ceremony.Descriptor) []descriptor {
	out := make([]descriptor, 0, len(in))
	for _, d := range in {
		out = append(out, descriptor{Type: "public-key", ID: toBase64URL(d.ID), Transports: d.Transports})
	}
	return out
}

// toSelection sets requireResidentKey exactly when residentKey is required
// (https://www.w3.org/TR/webauthn-3/#dom-authenticatorselectioncriteria-requireresidentkey).
func toSelection(in *ceremony.AuthenticatorSelection) *selection {
	if in == nil {
		return nil
	}
	out := &selection{
		AuthenticatorAttachment: in.AuthenticatorAttachment,
		ResidentKey:             in.ResidentKey,
		UserVerification:        in.UserVerification,
	}
	if in.ResidentKey != "" || in.RequireResidentKey {
		required := in.ResidentKey == "required" || in.RequireResidentKey
		out.RequireResidentKey = &required
	}
	return out
}

var (
	userVerifications = []string{"required", "preferred", "discouraged"}
	conveyances       = []string{"none", "indirect", "direct", "enterprise"}
)

// readSelection reads the authenticatorSelection of an options request.
func readSelection(o object) (*ceremony.AuthenticatorSelection, error) {
	in, ok, err := o.optionalObject("authenticatorSelection")
	if err != nil || !ok {
		return nil, err
	}
	var out ceremony.AuthenticatorSelection
	if out.AuthenticatorAttachment, err = in.oneOf("authenticatorAttachment", "platform", "cross-platform"); err != nil {
		return nil, err
	}
	if out.ResidentKey, err = in.oneOf("residentKey", "discouraged", "preferred", "required"); err != nil {
		return nil, err
	}
	if out.UserVerification, err = in.oneOf("userVerification", userVerifications...); err != nil {
		return nil, err
	}
	require, _, err := in.flag("requireResidentKey")
	if err != nil {
		return nil, err
	}
	switch {
	case out.ResidentKey == "":
		// A Level 1 request: only the boolean was there.
		out.RequireResidentKey = require
		if require {
			out.ResidentKey = "required"
		}
	default:
		out.RequireResidentKey = out.ResidentKey == "required"
	}
	return &out, nil
}

// checkAppID refuses an appid (of an authentication) or appidExclude (of a
// registration) that is not an AppID of this RP
// (https://www.w3.org/TR/webauthn-3/#sctn-appid-extension,
// https://www.w3.org/TR/webauthn-3/#sctn-appid-exclude-extension).
func (s *Server) checkAppID(extensions object, member string) error {
	id, ok, err := extensions.optionalText(member)
	if err != nil {
		return err
	}
	if ok && !slices.Contains(s.cfg.AppIDs, id) {
		return refuse(http.StatusBadRequest, "%s: %q is not an AppID of this relying party, want one of %q", extensions.name(member), id, s.cfg.AppIDs)
	}
	return nil
}

// appIDMember is the name of the AppID extension in a ceremony.
func appIDMember(k ceremony.Kind) string {
	if k == ceremony.Registration {
		return "appidExclude"
	}
	return "appid"
}
