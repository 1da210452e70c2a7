package virtualauth

// Stage is the place in the making of a response where a fault is applied.
// Stages follow one another in this order, and everything that comes after a
// fault is made anew from what the fault left: an edit to the client data is
// hashed and signed like any other client data.
type Stage int

// The stages.
const (
	// StageOptions: what the client and authenticator make of their options.
	StageOptions Stage = iota
	// StageClientData: the client data JSON, before it is hashed.
	StageClientData
	// StageKey: the COSE key in the attested credential data.
	StageKey
	// StageAuthData: the authenticator data, before it is signed.
	StageAuthData
	// StageAttestation: the attestation statement and its signature.
	StageAttestation
	// StageSignature: the assertion signature.
	StageSignature
	// StageEncoding: the CBOR of the attestation object, behind every signature.
	StageEncoding
	// StageResponse: the members of the response around the signed parts.
	StageResponse
)

var stageNames = [...]string{"options", "client-data", "key", "auth-data", "attestation", "signature", "encoding", "response"}

func (s Stage) String() string {
	if s < 0 || int(s) >= len(stageNames) {
		return "unknown"
	}
	return stageNames[s]
}

// Faults is all the misbehaviour that can be asked for, one field a fault; the
// zero value asks for none.
type Faults struct {
}
