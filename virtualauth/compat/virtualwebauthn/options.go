package virtualwebauthn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// AttestationOptions are the creation options that matter here.
type AttestationOptions struct {
	Challenge []byte `json:"challenge,omitempty"`
	// ExcludeCredentials are ids as the options have them: unpadded base64url.
	ExcludeCredentials []string `json:"excludeCredentials,omitempty"`
	RelyingPartyID     string   `json:"rpId,omitempty"`
	RelyingPartyName   string   `json:"rpName,omitempty"`
	// UserID is the user handle, decoded.
	UserID          string `json:"user,omitempty"`
	UserName        string `json:"userName,omitempty"`
	UserDisplayName string `json:"userDisplayName,omitempty"`
}

// AssertionOptions are the request options that matter here.
type AssertionOptions struct {
	Challenge []byte `json:"challenge,omitempty"`
	// AllowCredentials are ids as the options have them: unpadded base64url.
	AllowCredentials []string `json:"allowCredentials,omitempty"`
	RelyingPartyID   string   `json:"rpId,omitempty"`
}

// wireOptions are options of either ceremony, or an object that has them in its
// member publicKey.
type wireOptions struct {
	PublicKey *wireOptions `json:"publicKey"`
	Challenge string       `json:"challenge"`
	RP        struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	ExcludeCredentials []wireDescriptor `json:"excludeCredentials"`
	RPID               string           `json:"rpId"`
	AllowCredentials   []wireDescriptor `json:"allowCredentials"`
}

type wireDescriptor struct {
	ID string `json:"id"`
}

func readOptions(str string) (*wireOptions, []byte, error) {
	o := &wireOptions{}
	if err := json.Unmarshal([]byte(str), o); err != nil {
		return nil, nil, fmt.Errorf("options: %w", err)
	}
	if o.PublicKey != nil {
		o = o.PublicKey
	}
	if o.Challenge == "" {
		return nil, nil, errors.New("options: challenge is missing or empty")
	}
	challenge, err := base64.RawURLEncoding.DecodeString(o.Challenge)
	if err != nil {
		return nil, nil, fmt.Errorf("options: challenge is not base64url without padding: %w", err)
	}
	return o, challenge, nil
}

func idsOf(member string, list []wireDescriptor) ([]string, error) {
	var ids []string
	for i, d := range list {
		if d.ID == "" {
			return nil, fmt.Errorf("options: %s[%d].id is missing or empty", member, i)
		}
		ids = append(ids, d.ID)
	}
	return ids, nil
}

// ParseAttestationOptions reads creation options as the Relying Party's server
// sends them, bare or in a member publicKey. It needs a challenge and takes the
// other members as they come.
func ParseAttestationOptions(str string) (attestationOptions *AttestationOptions, err error) {
	w, challenge, err := readOptions(str)
	if err != nil {
		return nil, err
	}
	user, err := base64.RawURLEncoding.DecodeString(w.User.ID)
	if err != nil {
		return nil, fmt.Errorf("options: user.id is not base64url without padding: %w", err)
	}
	o := &AttestationOptions{
		Challenge: challenge, RelyingPartyID: w.RP.ID, RelyingPartyName: w.RP.Name,
		UserID: string(user), UserName: w.User.Name, UserDisplayName: w.User.DisplayName,
	}
	if o.ExcludeCredentials, err = idsOf("excludeCredentials", w.ExcludeCredentials); err != nil {
		return nil, err
	}
	return o, nil
}

// ParseAssertionOptions reads request options as the Relying Party's server
// sends them, bare or in a member publicKey. It needs a challenge and takes the
// other members as they come.
func ParseAssertionOptions(str string) (assertionOptions *AssertionOptions, err error) {
	w, challenge, err := readOptions(str)
	if err != nil {
		return nil, err
	}
	o := &AssertionOptions{Challenge: challenge, RelyingPartyID: w.RPID}
	if o.AllowCredentials, err = idsOf("allowCredentials", w.AllowCredentials); err != nil {
		return nil, err
	}
	return o, nil
}
