package ceremony

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

const (
	createAnchor  = attestation.Spec + "#sctn-registering-a-new-credential"
	requestAnchor = attestation.Spec + "#sctn-verifying-assertion"
)

// BeginRegistration issues creation options (§7.1 step 1).
func (rp *RP) BeginRegistration(req RegistrationRequest) (*CreationOptions, error) {
	fail := func(format string, args ...any) (*CreationOptions, error) {
		return nil, &Error{"7.1.1", createAnchor, fmt.Sprintf(format, args...)}
	}
	if req.User == nil {
		return fail("a registration needs a user")
	}
	if req.Attestation == "" {
		req.Attestation = "none"
	}
	if !slices.Contains([]string{"none", "indirect", "direct", "enterprise"}, req.Attestation) {
		return fail("the attestation conveyance %s is none of none, indirect, direct, enterprise", show(req.Attestation))
	}
	if req.Algorithms == nil {
		req.Algorithms = rp.config.Algorithms
	}
	if len(req.Algorithms) == 0 {
		// An empty list would mean ES256 and RS256 to a client, and nothing to step 20.
		return fail("no algorithm is asked for")
	}
	for _, alg := range req.Algorithms {
		if !cose.Supported(alg) {
			return fail("the algorithm %d cannot be verified; choose from %v", alg, cose.Algorithms())
		}
	}
	selection, err := normalize(req.Selection)
	if err != nil {
		return fail("%s", err)
	}
	if err := rp.checkAppID(req.Extensions, "appidExclude"); err != nil {
		return fail("%s", err)
	}
	if _, ok := req.Extensions["appid"]; ok {
		return fail("the extension appid belongs to authentication, not to registration")
	}
	if req.Timeout <= 0 {
		req.Timeout = fiveMinutes
	}

	rp.mu.Lock()
	defer rp.mu.Unlock()
	user := rp.handles[string(req.User.Handle)]
	if user == nil {
		return fail("the user %s is not known", show(req.User.Name))
	}
	p := &pending{
		kind: Registration, session: req.Session, asText: req.ChallengeAsText, user: copyUser(user),
		algorithms: slices.Clone(req.Algorithms), attestation: req.Attestation, conditional: req.Conditional,
		extensions: maps.Clone(req.Extensions), userVerification: "preferred",
	}
	if selection != nil && selection.UserVerification != "" {
		p.userVerification = selection.UserVerification
	}
	if err := rp.issue(p); err != nil {
		return nil, err
	}
	return rp.bug.create(rp.state, p, &CreationOptions{
		Handle: p.handle, RPID: rp.config.RPID, RPName: rp.config.RPName, User: *copyUser(user),
		Challenge: bytes.Clone(p.challenge), Algorithms: slices.Clone(p.algorithms), Timeout: req.Timeout,
		ExcludeCredentials: descriptors(rp.credentialsOf(user)), Selection: selection,
		Attestation: req.Attestation, Extensions: maps.Clone(req.Extensions),
	}), nil
}

// normalize checks the selection and makes requireResidentKey true if, and only
// if, residentKey is required (https://www.w3.org/TR/webauthn-3/#dom-authenticatorselectioncriteria-requireresidentkey).
// A dialect that knows only the old member means the same by it.
func normalize(s *AuthenticatorSelection) (*AuthenticatorSelection, error) {
	if s == nil {
		return nil, nil
	}
	c := *s
	for _, m := range []struct {
		name, value string
		allowed     []string
	}{
		{"authenticatorAttachment", c.AuthenticatorAttachment, []string{"", "platform", "cross-platform"}},
		{"residentKey", c.ResidentKey, []string{"", "discouraged", "preferred", "required"}},
		{"userVerification", c.UserVerification, []string{"", "discouraged", "preferred", "required"}},
	} {
		if !slices.Contains(m.allowed, m.value) {
			return nil, fmt.Errorf("%s %s is none of %v", m.name, show(m.value), m.allowed[1:])
		}
	}
	if c.ResidentKey == "" && c.RequireResidentKey {
		c.ResidentKey = "required"
	}
	c.RequireResidentKey = c.ResidentKey == "required"
	return &c, nil
}

// checkAppID lets only this RP's own AppIDs out.
func (s *state) checkAppID(extensions map[string]json.RawMessage, name string) error {
	raw, ok := extensions[name]
	if !ok {
		return nil
	}
	var appID string
	if err := json.Unmarshal(raw, &appID); err != nil || !slices.Contains(s.config.AppIDs, appID) {
		return fmt.Errorf("the extension %s names %s, which is none of this Relying Party's own AppIDs", name, show(string(raw)))
	}
	return nil
}

func descriptors(credentials []*Credential) []Descriptor {
	all := make([]Descriptor, 0, len(credentials))
	for _, c := range credentials {
		d := Descriptor{Type: "public-key", ID: bytes.Clone(c.ID), Transports: slices.Clone(c.Transports)}
		all = append(all, d)
	}
	return all
}

// BeginAuthentication issues request options (§7.2 step 1).
func (rp *RP) BeginAuthentication(req AuthenticationRequest) (*RequestOptions, error) {
	fail := func(format string, args ...any) (*RequestOptions, error) {
		return nil, &Error{"7.2.1", requestAnchor, fmt.Sprintf(format, args...)}
	}
	if req.UserVerification == "" {
		req.UserVerification = "preferred"
	}
	if !slices.Contains([]string{"discouraged", "preferred", "required"}, req.UserVerification) {
		return fail("userVerification %s is none of discouraged, preferred, required", show(req.UserVerification))
	}
	if err := rp.checkAppID(req.Extensions, "appid"); err != nil {
		return fail("%s", err)
	}
	if _, ok := req.Extensions["appidExclude"]; ok {
		return fail("the extension appidExclude belongs to registration, not to authentication")
	}
	if req.Timeout <= 0 {
		req.Timeout = fiveMinutes
	}

	rp.mu.Lock()
	defer rp.mu.Unlock()
	p := &pending{
		kind: Authentication, session: req.Session, asText: req.ChallengeAsText,
		userVerification: req.UserVerification, extensions: maps.Clone(req.Extensions),
	}
	var allow []Descriptor
	if req.Username != "" {
		user := rp.users[req.Username]
		allow = descriptors(rp.credentialsOf(user))
		p.user, p.imaginary = copyUser(user), user == nil
		if len(allow) == 0 {
			// Also an account without credentials: an empty list would tell that it exists.
			allow = rp.imagine(req.Username)
		}
		for _, d := range allow {
			p.allow = append(p.allow, bytes.Clone(d.ID))
		}
	}
	if err := rp.issue(p); err != nil {
		return nil, err
	}
	return rp.bug.request(rp.state, p, req, &RequestOptions{
		Handle: p.handle, RPID: rp.config.RPID, Challenge: bytes.Clone(p.challenge), Timeout: req.Timeout,
		AllowCredentials: allow, UserVerification: req.UserVerification, Extensions: maps.Clone(req.Extensions),
	}), nil
}

// imagine makes up the credentials of nobody: the same for the same name every
// time, and not to be told from real ones
// (https://www.w3.org/TR/webauthn-3/#sctn-username-enumeration).
func (s *state) imagine(name string) []Descriptor {
	draw := func(purpose string) []byte {
		m := hmac.New(sha256.New, s.imaginaryKey)
		m.Write([]byte(purpose + "\x00" + name))
		return m.Sum(nil)
	}
	shape := draw("shape")
	transports := [][]string{{"internal"}, {"internal", "hybrid"}, {"usb"}, {"nfc", "usb"}}[shape[0]%4]
	return []Descriptor{{Type: "public-key", ID: draw("id"), Transports: slices.Clone(transports)}}
}
