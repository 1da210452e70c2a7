package browser

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
)

// driver is a browser under remote control, with the commands for virtual
// authenticators that WebAuthn adds to WebDriver
// (https://www.w3.org/TR/webauthn-3/#sctn-automation). One goroutine at a time
// uses it. An error without a *refusal in it means that the browser is lost.
type driver interface {
	navigate(ctx context.Context, url string) error
	// run calls the page's function touchstone.run(...) and returns what its promise resolved with.
	run(ctx context.Context, args []any) (json.RawMessage, error)
	// enter puts a frame into the page, or into the frame entered last, and makes it
	// the one that scripts run in until the next navigate.
	enter(ctx context.Context, f frame) error
	// touch clicks into it.
	touch(ctx context.Context) error
	// origin is the origin of the page.
	origin(ctx context.Context) (string, error)
	addAuthenticator(ctx context.Context, o authenticatorOptions) (id string, err error)
	removeAuthenticator(ctx context.Context, id string) error
	addCredential(ctx context.Context, authenticator string, c driverCredential) error
	credentials(ctx context.Context, authenticator string) ([]driverCredential, error)
	// screenshot is a PNG of the page, which shows its last call. Whether scripts run
	// in the frame that was entered afterwards is left open.
	screenshot(ctx context.Context) ([]byte, error)
	removeCredential(ctx context.Context, authenticator, credential string) error
	// close ends the browser and waits for it.
	close()
}

// The scripts that drivers run: the first with the arguments of touchstone.run,
// and a function that takes the answer behind them.
const (
	runScript = `const done = arguments[arguments.length - 1];
		if (!window.touchstone) { done(JSON.stringify({unavailable: "the page that was served is not there"})); return; }
		window.touchstone.run(...Array.prototype.slice.call(arguments, 0, -1)).then(
			(r) => done(JSON.stringify(r)), (e) => done(JSON.stringify({unavailable: String(e)})));`
	enterScript = `const done = arguments[arguments.length - 1];
		(` + frameScript + `)(arguments[0], arguments[1]).then(done);`
	originScript = "return window.location.origin"
	showScript   = "if (window.touchstone) window.touchstone.show()"
)

// click is a click at a place that every page has, as actions
// (https://www.w3.org/TR/webdriver2/#actions).
var click = map[string]any{"actions": []any{map[string]any{
	"type": "pointer", "id": "mouse", "parameters": map[string]any{"pointerType": "mouse"},
	"actions": []any{
		map[string]any{"type": "pointerMove", "duration": 0, "x": 20, "y": 20},
		map[string]any{"type": "pointerDown", "button": 0},
		map[string]any{"type": "pointerUp", "button": 0},
	},
}}}

// authenticatorOptions is the Authenticator Configuration of
// https://www.w3.org/TR/webauthn-3/#sctn-automation-add-virtual-authenticator.
// A browser that does not know a member ignores it.
type authenticatorOptions struct {
	Protocol                 string   `json:"protocol"`
	Transport                string   `json:"transport"`
	HasResidentKey           bool     `json:"hasResidentKey"`
	HasUserVerification      bool     `json:"hasUserVerification"`
	IsUserConsenting         bool     `json:"isUserConsenting"`
	IsUserVerified           bool     `json:"isUserVerified"`
	Extensions               []string `json:"extensions,omitempty"`
	DefaultBackupEligibility bool     `json:"defaultBackupEligibility,omitempty"`
	DefaultBackupState       bool     `json:"defaultBackupState,omitempty"`
}

// driverCredential is the Credential Parameters of
// https://www.w3.org/TR/webauthn-3/#sctn-automation-add-credential.
type driverCredential struct {
	ID                base64url `json:"credentialId"`
	Resident          bool      `json:"isResidentCredential"`
	RPID              string    `json:"rpId"`
	PrivateKey        base64url `json:"privateKey"`
	UserHandle        base64url `json:"userHandle,omitempty"`
	SignCount         int64     `json:"signCount"`
	LargeBlob         base64url `json:"largeBlob,omitempty"`
	BackupEligibility bool      `json:"backupEligibility,omitempty"`
	BackupState       bool      `json:"backupState,omitempty"`
	UserName          string    `json:"userName,omitempty"`
	UserDisplayName   string    `json:"userDisplayName,omitempty"`
}

// export turns the credential into the form that all clients share.
func (c driverCredential) export() (client.Credential, error) {
	return credential{
		ID: c.ID, Resident: c.Resident, RPID: c.RPID, PrivateKey: c.PrivateKey, UserHandle: c.UserHandle,
		SignCount: float64(c.SignCount), BackupEligibility: c.BackupEligibility, BackupState: c.BackupState,
	}.export()
}

// base64url is bytes that JSON holds as base64url; padding is read and not written.
type base64url []byte

func (b base64url) String() string { return base64.RawURLEncoding.EncodeToString(b) }

// MarshalText implements encoding.TextMarshaler.
func (b base64url) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *base64url) UnmarshalText(text []byte) error {
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(text), "="))
	if err != nil {
		return fmt.Errorf("base64url: %w", err)
	}
	*b = decoded
	return nil
}
