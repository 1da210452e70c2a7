package ctap2

import "github.com/touchstone-webauthn/touchstone/virtualauth"

// Command bytes (CTAP 2.2 §6).
const (
	CommandMakeCredential       byte = 0x01
	CommandGetAssertion         byte = 0x02
	CommandGetInfo              byte = 0x04
	CommandClientPIN            byte = 0x06
	CommandReset                byte = 0x07
	CommandGetNextAssertion     byte = 0x08
	CommandCredentialManagement byte = 0x0a
	CommandSelection            byte = 0x0b
	CommandLargeBlobs           byte = 0x0c
)

// Status codes (CTAP 2.2 §8.2), besides those that package virtualauth names.
const (
	statusOK                virtualauth.Status = 0x00
	statusInvalidCommand    virtualauth.Status = 0x01
	statusInvalidParameter                     = virtualauth.StatusInvalidParameter
	statusInvalidLength     virtualauth.Status = 0x03
	statusInvalidSeq        virtualauth.Status = 0x04
	statusUnexpectedType    virtualauth.Status = 0x11
	statusInvalidCBOR       virtualauth.Status = 0x12
	statusMissingParameter  virtualauth.Status = 0x14
	statusLimitExceeded     virtualauth.Status = 0x15
	statusLargeBlobsFull    virtualauth.Status = 0x18
	statusNotAllowed        virtualauth.Status = 0x30
	statusPINInvalid        virtualauth.Status = 0x31
	statusPINBlocked        virtualauth.Status = 0x32
	statusPINAuthInvalid    virtualauth.Status = 0x33
	statusPINAuthBlocked    virtualauth.Status = 0x34
	statusPINNotSet         virtualauth.Status = 0x35
	statusPUATRequired      virtualauth.Status = 0x36
	statusPINPolicy         virtualauth.Status = 0x37
	statusUVBlocked         virtualauth.Status = 0x3c
	statusIntegrityFailure  virtualauth.Status = 0x3d
	statusInvalidSubcommand virtualauth.Status = 0x3e
	statusUVInvalid         virtualauth.Status = 0x3f
	statusUnauthorized      virtualauth.Status = 0x40
)
