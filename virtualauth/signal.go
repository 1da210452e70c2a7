package virtualauth

import (
	"bytes"
	"slices"
)

// The signal methods are what a page tells its authenticators of the Relying
// Party's account state (https://www.w3.org/TR/webauthn-3/#sctn-signal-methods).
// They apply to every authenticator given, and to discoverable credentials
// only. As in a browser, success says nothing of whether anything was changed;
// a refusal is an *Error.

// SignalUnknownCredential says that the Relying Party does not know a
// credential; authenticators then forget it
// (https://www.w3.org/TR/webauthn-3/#sctn-signalUnknownCredential).
func (c *Client) SignalUnknownCredential(rpID string, id []byte, authenticators ...*Authenticator) error {
	if err := c.maySignal(rpID); err != nil {
		return err
	}
	for _, a := range authenticators {
		a.forget(func(k *Credential) bool { return k.RPID == rpID && bytes.Equal(k.ID, id) })
	}
	return nil
}

// SignalAllAcceptedCredentials says that these are all the credentials of an
// account; authenticators forget the account's others
// (https://www.w3.org/TR/webauthn-3/#sctn-signalAllAcceptedCredentials).
func (c *Client) SignalAllAcceptedCredentials(rpID string, userHandle []byte, ids [][]byte, authenticators ...*Authenticator) error {
	if err := c.maySignal(rpID); err != nil {
		return err
	}
	for _, a := range authenticators {
		a.forget(func(k *Credential) bool {
			return k.RPID == rpID && bytes.Equal(k.UserHandle, userHandle) && !slices.ContainsFunc(ids, func(id []byte) bool { return bytes.Equal(id, k.ID) })
		})
	}
	return nil
}

// SignalCurrentUserDetails says what an account's names are now; authenticators
// show them from then on
// (https://www.w3.org/TR/webauthn-3/#sctn-signalCurrentUserDetails).
func (c *Client) SignalCurrentUserDetails(rpID string, user UserEntity, authenticators ...*Authenticator) error {
	if err := c.maySignal(rpID); err != nil {
		return err
	}
	for _, a := range authenticators {
		a.mu.Lock()
		for _, k := range a.order {
			if k.Resident && k.RPID == rpID && bytes.Equal(k.UserHandle, user.ID) {
				k.UserName, k.UserDisplayName = user.Name, user.DisplayName
			}
		}
		a.mu.Unlock()
	}
	return nil
}

// maySignal is the check of the RP ID; a list of related origins does not count here.
func (c *Client) maySignal(rpID string) error {
	pg, err := page(c.Origin)
	if err != nil {
		return err
	}
	if !pg.claims(rpID) {
		return refuse(errSecurity, "the RP ID %q is not a registrable domain suffix of, nor equal to, the host of %s", rpID, c.Origin)
	}
	return nil
}

// forget removes the resident credentials for which gone is true.
func (a *Authenticator) forget(gone func(*Credential) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.order = slices.DeleteFunc(a.order, func(k *Credential) bool {
		if !k.Resident || !gone(k) {
			return false
		}
		delete(a.byID, string(k.ID))
		return true
	})
}
