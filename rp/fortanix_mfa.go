package rp

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// unlock opens the configuration of second factors for ten minutes, after the
// password was given once more: {password}.
func (d *fortanix) unlock(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	password, err := o.text("password")
	if err != nil {
		return err
	}
	got := d.hash(t.user.email, password)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !hmac.Equal(got[:], t.user.password[:]) && !d.omits("fortanix.unlock.password") {
		return refuse(http.StatusUnauthorized, "the password is wrong")
	}
	t.unlocked = d.cfg.Clock().Add(fortanixUnlockLife)
	return writeJSON(c.w, http.StatusOK, struct{}{})
}

// lock closes the configuration again: 204.
func (d *fortanix) lock(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	d.mu.Lock()
	if !d.omits("fortanix.lock") {
		t.unlocked = time.Time{}
	}
	d.mu.Unlock()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// isUnlocked needs d.mu.
func (d *fortanix) isUnlocked(t *fortanixToken) bool {
	return d.cfg.Clock().Before(t.unlocked) || d.omits("fortanix.unlock")
}

func errLocked() error {
	return refuse(http.StatusLocked, "the configuration of second factors is locked: POST the password to /sys/v1/session/config_2fa/auth")
}

// newChallenge begins the registration of a second factor. The protocol is a
// query parameter; without it it is u2f, as DSM's type comment says.
func (d *fortanix) newChallenge(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	protocol, err := mfaProtocol(c.r)
	if err != nil {
		return err
	}
	d.mu.Lock()
	unlocked := d.isUnlocked(t)
	d.mu.Unlock()
	if !unlocked {
		return errLocked()
	}
	if protocol == "u2f" {
		return d.newU2FChallenge(c, t)
	}
	options, err := d.core.BeginRegistration(ceremony.RegistrationRequest{
		User:        t.user.core,
		Session:     t.value,
		Attestation: d.cfg.Fortanix.Attestation,
		Selection: &ceremony.AuthenticatorSelection{
			// A second factor: who it belongs to is known, and so is the password.
			ResidentKey: "discouraged", UserVerification: "discouraged",
		},
		Extensions: d.extensions(t.user, ceremony.Registration),
	})
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, d.creationJSON(options))
}

func mfaProtocol(r *http.Request) (string, error) {
	values, ok := r.URL.Query()["protocol"]
	if !ok {
		return "u2f", nil
	}
	if len(values) != 1 || values[0] != "u2f" && values[0] != "fido2" {
		return "", refuse(http.StatusBadRequest, "protocol: %q is not one of [\"u2f\" \"fido2\"]", strings.Join(values, ","))
	}
	return values[0], nil
}

// newU2FChallenge answers {u2f_challenge, u2f_keys:[{keyHandle, version}]}.
func (d *fortanix) newU2FChallenge(c *call, t *fortanixToken) error {
	text, err := d.Server.token()
	if err != nil {
		return err
	}
	type key struct {
		KeyHandle string `json:"keyHandle"`
		Version   string `json:"version"`
	}
	answer := struct {
		Challenge string `json:"u2f_challenge"`
		Keys      []key  `json:"u2f_keys"`
	}{text, []key{}}
	d.mu.Lock()
	t.u2f = u2fChallenge{text: text, expires: d.cfg.Clock().Add(d.cfg.ChallengeLife)}
	for _, dev := range t.user.devices {
		if dev.u2f {
			answer.Keys = append(answer.Keys, key{toBase64URL(dev.credential), "U2F_V2"})
		}
	}
	d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, answer)
}

// extensions are the inputs of a ceremony: the AppID where the user has U2F
// keys, and example.extension.bool where the RP is configured so.
func (d *fortanix) extensions(u *fortanixUser, k ceremony.Kind) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.cfg.AppIDs) > 0 && slices.ContainsFunc(u.devices, func(dev fortanixDevice) bool { return dev.u2f }) {
		// A Go string is always valid JSON input.
		id, _ := json.Marshal(d.cfg.AppIDs[0])
		out[appIDMember(k)] = id
	}
	if !d.cfg.OmitExampleExtension {
		out["example.extension.bool"] = json.RawMessage("true")
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// patchUser changes a user: names, and the second factors, which need an
// unlocked configuration. Within one request devices are first deleted, then
// renamed, then added; when any of it is refused nothing is changed.
func (d *fortanix) patchUser(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	if err := own(t, c); err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	p, err := d.readPatch(o)
	if err != nil {
		return err
	}
	// One patch of a user at a time: what is judged must still hold when it is done.
	d.mu.Lock()
	defer d.mu.Unlock()
	u := t.user
	if p.mfa && !d.isUnlocked(t) {
		return errLocked()
	}
	devices, removed, err := p.edit(u.devices)
	if err != nil {
		return err
	}
	if p.fido2 != nil {
		dev, err := d.addFIDO2(t, p.fido2)
		if err != nil {
			return err
		}
		devices = append(devices, dev)
	}
	if p.u2f != nil {
		dev, err := d.addU2F(t, p.u2f)
		if err != nil {
			return err
		}
		devices = append(devices, dev)
	}
	for _, id := range removed {
		if d.omits("fortanix.device-deleted") {
			// The record goes, and its name; the credential stays good.
			devices = append(devices, fortanixDevice{credential: id})
			continue
		}
		d.core.RemoveCredential(u.core, id)
	}
	u.devices = devices
	for _, f := range []struct {
		value *string
		to    *string
	}{{p.firstName, &u.firstName}, {p.lastName, &u.lastName}, {p.description, &u.description}} {
		if f.value != nil {
			*f.to = *f.value
		}
	}
	return writeJSON(c.w, http.StatusOK, d.describe(u))
}

// userPatch is a PATCH body, read.
type userPatch struct {
	firstName, lastName, description *string
	// mfa: the patch touches second factors.
	mfa     bool
	del     []deviceChange
	renames []deviceChange
	fido2   *deviceAddition
	u2f     *deviceAddition
}

type deviceChange struct {
	path, name, to string
	// u2fOnly: the member's name ends in u2f_devices.
	u2fOnly bool
}

type deviceAddition struct {
	path, name string
	response   ceremony.RegistrationResponse
	message    *u2fRegistration
	clientData []byte
}

func (d *fortanix) readPatch(o object) (*userPatch, error) {
	p := &userPatch{}
	for member, to := range map[string]**string{"first_name": &p.firstName, "last_name": &p.lastName, "description": &p.description} {
		s, ok, err := o.optionalText(member)
		if err != nil {
			return nil, err
		}
		if ok {
			*to = &s
		}
	}
	for _, kind := range []string{"mfa", "u2f"} {
		dels, err := o.objects("del_" + kind + "_devices")
		if err != nil {
			return nil, err
		}
		for _, in := range dels {
			name, err := in.text("name")
			if err != nil {
				return nil, err
			}
			p.del = append(p.del, deviceChange{path: in.path, name: name, u2fOnly: kind == "u2f"})
		}
		renames, err := o.objects("rename_" + kind + "_devices")
		if err != nil {
			return nil, err
		}
		for _, in := range renames {
			old, err := in.text("old_name")
			if err != nil {
				return nil, err
			}
			to, err := deviceName(in, "new_name")
			if err != nil {
				return nil, err
			}
			p.renames = append(p.renames, deviceChange{path: in.path, name: old, to: to, u2fOnly: kind == "u2f"})
		}
	}
	if err := d.readAdditions(o, p); err != nil {
		return nil, err
	}
	p.mfa = len(p.del)+len(p.renames) > 0 || p.fido2 != nil || p.u2f != nil
	return p, nil
}

func (d *fortanix) readAdditions(o object, p *userPatch) error {
	for _, member := range []string{"add_mfa_devices", "add_u2f_devices"} {
		adds, err := o.objects(member)
		if err != nil {
			return err
		}
		if (len(adds) > 1 || len(adds) == 1 && p.fido2 != nil) && !d.omits("fortanix.one-device") {
			return refuse(http.StatusBadRequest, "%s: only one device can be added in one request", member)
		}
		if len(adds) == 0 {
			continue
		}
		in := adds[0]
		a := &deviceAddition{path: in.path}
		if a.name, err = deviceName(in, "name"); err != nil && !d.omits("fortanix.device-name") {
			return err
		}
		if member == "add_mfa_devices" {
			result, err := in.object("attestationResult")
			if err != nil {
				return err
			}
			if a.response, err = d.form.registration(result); err != nil {
				return err
			}
			p.fido2 = a
			continue
		}
		if err := readU2FAddition(in, a); err != nil {
			return err
		}
		p.u2f = a
	}
	return nil
}

// readU2FAddition reads {name, registrationData, clientData, version}; the two
// binary members are plain base64 in DSM's client, base64url in the U2F API.
func readU2FAddition(in object, a *deviceAddition) error {
	version, err := in.text("version")
	if err != nil {
		return err
	}
	if version != "U2F_V2" {
		return refuse(http.StatusBadRequest, "%s: %q is not served, only U2F_V2", in.name("version"), version)
	}
	message, err := in.bytes("registrationData", anyBase64)
	if err != nil {
		return err
	}
	if a.message, err = parseU2FRegistration(message); err != nil {
		return refuse(http.StatusBadRequest, "%s: %v", in.name("registrationData"), err)
	}
	a.clientData, err = in.bytes("clientData", anyBase64)
	return err
}

// deviceName reads a name of 1 to 4096 characters on one line, not blank.
func deviceName(o object, member string) (string, error) {
	name, err := o.text(member)
	if err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(name); n > 4096 || strings.TrimSpace(name) == "" || strings.ContainsAny(name, "\r\n") {
		return "", refuse(http.StatusBadRequest, "%s: want 1 to 4096 characters on one line, not only blanks", o.name(member))
	}
	return name, nil
}

// edit deletes and renames in a copy, and returns it with the credentials that
// go. No document says that names are unique; the oldest device of a name is meant.
func (p *userPatch) edit(devices []fortanixDevice) (edited []fortanixDevice, removed [][]byte, err error) {
	edited = slices.Clone(devices)
	find := func(ch deviceChange) (int, error) {
		i := slices.IndexFunc(edited, func(v fortanixDevice) bool { return v.name == ch.name && (v.u2f || !ch.u2fOnly) })
		if i < 0 {
			return i, refuse(http.StatusNotFound, "%s: no device is named %q", ch.path, ch.name)
		}
		return i, nil
	}
	for _, ch := range p.del {
		i, err := find(ch)
		if err != nil {
			return nil, nil, err
		}
		removed = append(removed, edited[i].credential)
		edited = slices.Delete(edited, i, i+1)
	}
	for _, ch := range p.renames {
		i, err := find(ch)
		if err != nil {
			return nil, nil, err
		}
		edited[i].name = ch.to
	}
	return edited, removed, nil
}

// addFIDO2 finishes the registration that newChallenge began. It needs d.mu.
func (d *fortanix) addFIDO2(t *fortanixToken, a *deviceAddition) (fortanixDevice, error) {
	if f := d.cfg.Fortanix.Formats; f != nil {
		if format := attestationFormat(a.response.AttestationObject); !slices.Contains(f, format) {
			return fortanixDevice{}, refuse(http.StatusBadRequest, "%s: the attestation format %q is not taken, only %q", a.path, format, f)
		}
	}
	if err := d.known(in(a.path, "attestationResult"), a.response.ExtensionResults); err != nil {
		return fortanixDevice{}, err
	}
	cred, err := d.core.FinishRegistration(ceremony.FinishRegistration{Session: t.value, Response: a.response})
	if err != nil {
		return fortanixDevice{}, err
	}
	return fortanixDevice{name: a.name, origin: clientOrigin(a.response.ClientDataJSON), credential: cred.ID}, nil
}

// addU2F verifies a U2F registration and stores its key. It needs d.mu.
func (d *fortanix) addU2F(t *fortanixToken, a *deviceAddition) (fortanixDevice, error) {
	issued := t.u2f
	// One try for one challenge.
	if !d.omits("u2f.challenge") {
		t.u2f = u2fChallenge{}
	}
	if issued.text == "" || !d.cfg.Clock().Before(issued.expires) {
		return fortanixDevice{}, refuse(http.StatusBadRequest, "%s: no U2F challenge is pending in this session, or it expired", a.path)
	}
	if len(d.cfg.AppIDs) == 0 {
		return fortanixDevice{}, refuse(http.StatusBadRequest, "%s: this relying party has no AppID", a.path)
	}
	appID := d.cfg.AppIDs[0]
	if err := d.checkU2FClientData(a.clientData, issued.text); err != nil {
		return fortanixDevice{}, refuse(http.StatusBadRequest, "%s: %v", a.path, err)
	}
	if err := a.message.verify(appID, a.clientData); err != nil && !d.omits("u2f.signature") {
		return fortanixDevice{}, refuse(http.StatusBadRequest, "%s: %v", a.path, err)
	}
	if err := d.core.AddU2FCredential(t.user.core, a.message.keyHandle, a.message.point, appID); err != nil {
		return fortanixDevice{}, err
	}
	return fortanixDevice{name: a.name, origin: clientOrigin(a.clientData), credential: bytes.Clone(a.message.keyHandle), u2f: true}, nil
}

// clientOrigin reads the origin out of client data that was judged already.
func clientOrigin(clientData []byte) string {
	var c struct {
		Origin string `json:"origin"`
	}
	if json.Unmarshal(bytes.TrimPrefix(clientData, []byte("\xef\xbb\xbf")), &c) != nil {
		return ""
	}
	return c.Origin
}

// attestationFormat reads fmt out of an attestation object; empty when there is none.
func attestationFormat(attestationObject []byte) string {
	var o struct {
		Format string `cbor:"fmt"`
	}
	if cbor.Unmarshal(attestationObject, &o) != nil {
		return ""
	}
	return o.Format
}

// generateRecoveryCodes gives ten new codes; the old ones are void.
func (d *fortanix) generateRecoveryCodes(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	answer := struct {
		Codes []string `json:"recovery_codes"`
	}{}
	fresh := map[string]bool{}
	for range 10 {
		b, err := d.random(12)
		if err != nil {
			return err
		}
		code := base64.RawURLEncoding.EncodeToString(b)
		fresh[code] = true
		answer.Codes = append(answer.Codes, code)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.isUnlocked(t) {
		return errLocked()
	}
	if d.omits("fortanix.recovery-code-renewed") {
		for old := range t.user.recoveryCodes {
			fresh[old] = true
		}
	}
	t.user.recoveryCodes = fresh
	return writeJSON(c.w, http.StatusOK, answer)
}
