package ceremony

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Inspection is what a ceremony has found out so far, for Config.Override.
// Members are zero until the steps that find them have run. All of it is a
// copy; changing it changes nothing.
type Inspection struct {
	Step Step
	// Check is what the step itself does.
	Check func() error
	Kind  Kind

	// What was issued.
	Challenge        []byte
	UserVerification string
	Attestation      string // conveyance
	Algorithms       []int64
	Extensions       map[string]json.RawMessage
	Allow            [][]byte
	User             *User // nil: not known beforehand

	// What came.
	ID                   string
	ClientDataJSON       []byte
	Type, Origin         string // of the client data; empty where it is no string
	ChallengeText        string
	CrossOrigin          json.RawMessage // nil: absent
	TopOrigin            json.RawMessage // nil: absent
	AuthenticatorData    []byte
	RPIDHash             []byte
	Flags                byte
	SignCount            uint32
	AAGUID, CredentialID []byte
	PublicKey            []byte // COSE_Key
	Algorithm            int64
	Format               string
	AttestationType      string
	UserHandle           []byte
	Signature            []byte
	Transports           []string
	ExtensionResults     map[string]json.RawMessage
	// Record is the credential record: the one stored, or the one to be.
	Record *Credential
}

func (c *common) inspect() *Inspection {
	i := &Inspection{
		Challenge: bytes.Clone(c.challenge), UserVerification: c.userVerification, Attestation: c.pending.attestation,
		Algorithms: slices.Clone(c.algorithms), Extensions: maps.Clone(c.extensions), Allow: slices.Clone(c.allow), User: copyUser(c.user),
		ID: c.idText, ClientDataJSON: bytes.Clone(c.clientDataJSON), ExtensionResults: maps.Clone(c.outputs),
		CrossOrigin: slices.Clone(c.cd.crossOrigin.raw), TopOrigin: slices.Clone(c.cd.topOrigin.raw),
	}
	i.Type, _ = c.cd.typ.text()
	i.Origin, _ = c.cd.origin.text()
	i.ChallengeText, _ = c.cd.challenge.text()
	if c.ad != nil {
		i.AuthenticatorData, i.RPIDHash = bytes.Clone(c.ad.raw), bytes.Clone(c.ad.rpIDHash)
		i.Flags, i.SignCount = c.ad.flags, c.ad.signCount
		i.AAGUID, i.CredentialID = bytes.Clone(c.ad.aaguid), bytes.Clone(c.ad.credentialID)
	}
	return i
}

func (r *registration) inspect() *Inspection {
	i := r.common.inspect()
	i.Kind = Registration
	i.Transports = slices.Clone(r.resp.Transports)
	if r.object != nil {
		i.Format = r.object.format
	}
	if r.key != nil {
		i.PublicKey, i.Algorithm = bytes.Clone(r.key.Raw), r.key.Algorithm
	}
	if r.attestation != nil {
		i.AttestationType = string(r.attestation.Type)
	}
	if r.record != nil {
		i.Record = copyCredential(r.record)
	}
	return i
}

func (a *authentication) inspect() *Inspection {
	i := a.common.inspect()
	i.Kind = Authentication
	i.UserHandle, i.Signature = bytes.Clone(a.resp.UserHandle), bytes.Clone(a.resp.Signature)
	if a.record != nil {
		i.Record = copyCredential(a.record)
		i.PublicKey = bytes.Clone(a.record.PublicKey)
	}
	return i
}
