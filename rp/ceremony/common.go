package ceremony

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

const (
	challengeFragment = "sctn-cryptographic-challenges"
	challengeAnchor   = attestation.Spec + "#" + challengeFragment
)

var canonicalTitles = map[cose.Rule]string{
	cose.TrailingBytes: "no bytes behind the item",
	cose.DuplicateKeys: "no map key twice",
	cose.KeyOrder:      "map keys in order",
	cose.Indefinite:    "no indefinite lengths",
	cose.ShortestForm:  "numbers in their shortest form",
	cose.Nesting:       "bounded nesting",
	cose.Tags:          "no tags",
}

var keyTitles = map[cose.KeyRule]string{
	cose.KeyAlgorithm:  "alg is present",
	cose.KeySupported:  "alg can be verified",
	cose.KeyType:       "kty belongs to alg",
	cose.KeyCurve:      "crv belongs to alg",
	cose.KeyMembers:    "all required members are there",
	cose.KeyOptional:   "no optional members",
	cose.KeyPrivate:    "no private parts",
	cose.KeyCompressed: "the point is uncompressed",
	cose.KeySize:       "coordinates have their exact length",
	cose.KeyPoint:      "the point is on the curve",
	cose.KeyRSA:        "modulus and exponent are sound",
}

var keyAnchors = map[cose.KeyRule]string{
	cose.KeyAlgorithm:  "sctn-attested-credential-data",
	cose.KeySupported:  "sctn-alg-identifier",
	cose.KeyType:       "sctn-alg-identifier",
	cose.KeyCurve:      "sctn-alg-identifier",
	cose.KeyMembers:    "sctn-attested-credential-data",
	cose.KeyOptional:   "sctn-attested-credential-data",
	cose.KeyPrivate:    "sctn-attested-credential-data",
	cose.KeyCompressed: "sctn-alg-identifier",
	cose.KeySize:       "sctn-alg-identifier",
	cose.KeyPoint:      "sctn-alg-identifier",
	cose.KeyRSA:        "sctn-alg-identifier",
}

// common is what both ceremonies verify alike.
type common struct {
	rp *state
	*claim
	// eye is what it goes by of the RP's policy. Twins have the same.
	eye            *eye
	typ, idText    string
	rawID          *string
	clientDataJSON []byte
	outputs        map[string]json.RawMessage

	id      []byte
	idError error
	cd      *clientData
	doubled bool
	hash    []byte
	ad      *authData
}

// take reads the client data, for the challenge in it, and claims the pending ceremony.
func (c *common) take(handle, session string, kind Kind) (err error) {
	c.cd = readClientData(c.clientDataJSON)
	challenge, _ := c.cd.challenge.text()
	c.claim, err = c.rp.take(handle, session, kind, challenge)
	return err
}

func (c *common) checkType() error {
	if c.typ != "public-key" {
		return fmt.Errorf("the credential's type is %s, expected \"public-key\"", show(c.typ))
	}
	return nil
}

// decodeID is strict: a second text for the same id would be a second id to whoever compares texts.
func decodeID(text string) ([]byte, error) {
	id, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(id) != text {
		return nil, fmt.Errorf("the credential's id %s is not unpadded base64url", show(text))
	}
	if len(id) == 0 {
		return nil, errors.New("the credential's id is empty")
	}
	return id, nil
}

// readID also reads what is refused in the step: the bug that accepts other
// base64 needs the id.
func (c *common) readID() error {
	if c.id, c.idError = decodeID(c.idText); c.idError != nil {
		lax := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(c.idText)
		c.id, _ = base64.RawURLEncoding.DecodeString(lax)
	}
	return nil
}

func (c *common) checkID() error { return c.idError }

func (c *common) checkRawID() error {
	if c.rawID != nil && *c.rawID != c.idText {
		return fmt.Errorf("rawId is %s, but id is %s", show(*c.rawID), show(c.idText))
	}
	return nil
}

func (c *common) needJSON() error { return c.cd.notJSON }

func (c *common) checkDuplicates() error { return c.cd.duplicate }

// checkTokenBinding judges by the rules of Level 2; in Level 3 the member is
// reserved and says nothing (https://www.w3.org/TR/webauthn-3/#dom-collectedclientdata-tokenbinding).
func (c *common) checkTokenBinding() error {
	if !c.policy().RejectMalformedTokenBinding || !c.cd.tokenBinding.present {
		return nil
	}
	raw := c.cd.tokenBinding.raw
	var binding map[string]json.RawMessage
	if err := json.Unmarshal(raw, &binding); err != nil || binding == nil {
		return fmt.Errorf("tokenBinding of the client data is not an object but %s", show(string(raw)))
	}
	status, _ := member{true, binding["status"]}.text()
	switch status {
	case "supported":
	case "present":
		if _, ok := (member{true, binding["id"]}).text(); !ok {
			return errors.New("tokenBinding of the client data is present but has no id")
		}
	default:
		return fmt.Errorf("tokenBinding of the client data has the status %s, expected present or supported", show(string(binding["status"])))
	}
	return nil
}

// checkTokenBindingState is step 10 of Level 2's registration and 14 of its
// authentication: status is compared with the state of the TLS connection, and
// no connection here ever has a token binding
// (https://www.w3.org/TR/webauthn-2/#sctn-registering-a-new-credential).
func (c *common) checkTokenBindingState() error {
	if !c.policy().Level2 || !c.cd.tokenBinding.present {
		return nil
	}
	var binding struct{ Status string }
	if json.Unmarshal(c.cd.tokenBinding.raw, &binding) == nil && binding.Status == "present" {
		return errors.New("tokenBinding of the client data is present, but the connection has no token binding")
	}
	return nil
}

func (c *common) checkClientType(want string) error {
	got, err := c.cd.typ.want("type")
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("type of the client data is %s, expected %q", show(got), want)
	}
	return nil
}

func (c *common) checkChallenge() error {
	got, err := c.cd.challenge.want("challenge")
	if err != nil {
		return err
	}
	ok := false
	if ok, c.doubled = c.expects(got); !ok {
		return fmt.Errorf("challenge of the client data is %s, which is not the one that was issued for this ceremony", show(got))
	}
	return nil
}

func (c *common) checkSession() error {
	if c.otherSession {
		return errors.New("the challenge was issued in another session")
	}
	return nil
}

func (c *common) checkKind() error {
	if c.otherKind {
		return fmt.Errorf("the challenge was issued for the other kind of ceremony, %s", c.kind)
	}
	return nil
}

func (c *common) checkSingleUse() error {
	if c.usedBefore {
		return errors.New("the challenge was used before; every challenge is good for one attempt")
	}
	return nil
}

func (c *common) checkExpiry() error {
	if c.expired {
		return fmt.Errorf("the challenge expired at %s", c.expires.UTC().Format("15:04:05"))
	}
	return nil
}

func (c *common) checkOrigin() error {
	got, err := c.cd.origin.want("origin")
	if err != nil {
		return err
	}
	if !slices.Contains(c.rp.config.Origins, got) {
		return fmt.Errorf("origin of the client data is %s, expected one of %q", show(got), c.rp.config.Origins)
	}
	return nil
}

func (c *common) framed() bool { return len(c.rp.config.TopOrigins) > 0 }

func (c *common) checkCrossOrigin() error {
	m := c.cd.crossOrigin
	if !m.present || c.policy().Level2 {
		return nil
	}
	switch string(m.raw) {
	case "false":
		return nil
	case "true":
		if c.framed() {
			return nil
		}
		return errors.New("crossOrigin of the client data is true, but no framing by another origin is expected")
	default:
		return fmt.Errorf("crossOrigin of the client data is not a boolean but %s", show(string(m.raw)))
	}
}

func (c *common) checkFraming() error {
	if c.cd.topOrigin.present && !c.framed() && !c.policy().Level2 {
		return fmt.Errorf("the client data have the topOrigin %s, but no framing by another origin is expected", show(string(c.cd.topOrigin.raw)))
	}
	return nil
}

func (c *common) checkTopOrigin() error {
	if !c.cd.topOrigin.present || c.policy().Level2 {
		return nil
	}
	got, err := c.cd.topOrigin.want("topOrigin")
	if err != nil {
		return err
	}
	if !slices.Contains(c.rp.config.TopOrigins, got) {
		return fmt.Errorf("topOrigin of the client data is %s, expected one of %q", show(got), c.rp.config.TopOrigins)
	}
	return nil
}

func (c *common) hashClientData() error {
	sum := sha256.Sum256(c.clientDataJSON)
	c.hash = sum[:]
	return nil
}

func firstViolation(rule cose.Rule, lists ...[]*cose.Violation) error {
	for _, list := range lists {
		for _, v := range list {
			if v.Rule == rule {
				return fmt.Errorf("the CBOR is not canonical: %w", v)
			}
		}
	}
	return nil
}

func (c *common) checkExtensionData() error { return c.ad.extension }

func (c *common) checkLength() error { return c.ad.length }

func (c *common) checkUP() error {
	if !c.ad.has(flagUP) {
		return fmt.Errorf("the user was not present: the flag UP is clear in %#02x", c.ad.flags)
	}
	return nil
}

func (c *common) checkUV() error {
	if c.userVerification == "required" && !c.ad.has(flagUV) {
		return fmt.Errorf("user verification is required, but the flag UV is clear in %#02x", c.ad.flags)
	}
	return nil
}

func (c *common) checkBackup() error {
	if c.ad.has(flagBS) && !c.ad.has(flagBE) && !c.policy().Level2 {
		return fmt.Errorf("the flag BS is set without BE in %#02x", c.ad.flags)
	}
	return nil
}
