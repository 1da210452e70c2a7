package ctap2

import (
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// maxMessage is the longest message that a device takes, command byte included.
const maxMessage = 7609

// Device answers CTAP2 commands and U2F messages for one authenticator.
type Device struct {
	a   *virtualauth.Authenticator
	cfg virtualauth.Config

	mu          sync.Mutex
	draws       uint64
	poweredUp   time.Time
	agreement   *ecdh.PrivateKey
	token       token
	pinHash     []byte // LEFT(SHA-256(PIN), 16); nil where no PIN is set
	pinRetries  int
	uvRetries   int
	mismatches  int // wrong PINs in a row since power came on
	next        queue
	rps, creds  []virtualauth.Credential // left to enumerate
	blobs       []byte                   // the serialised large-blob array
	upload      upload
	lastCreated *virtualauth.MakeCredentialResponse
}

const (
	maxPINRetries = 8
	maxUVRetries  = 5
	maxMismatches = 3
)

// New puts a device before an authenticator, and power on it. Several devices
// may share an authenticator; each has its own PIN.
func New(a *virtualauth.Authenticator) *Device {
	d := &Device{a: a, cfg: a.Config(), pinRetries: maxPINRetries, uvRetries: maxUVRetries, blobs: emptyBlobs()}
	d.powerUp()
	return d
}

// Authenticator is what the device stands before.
func (d *Device) Authenticator() *virtualauth.Authenticator { return d.a }

// PowerCycle pulls the device out and plugs it in again: tokens and half-done
// operations are gone, a blocked PIN may be tried again as long as there are
// retries, and for ten seconds the device can be reset.
func (d *Device) PowerCycle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.powerUp()
}

func (d *Device) powerUp() {
	d.poweredUp = d.cfg.Clock()
	d.mismatches = 0
	d.forget()
	d.newAgreement()
	d.token = token{value: d.draw(32, "token")}
}

// forget drops what goes on over several commands.
func (d *Device) forget() {
	d.next = queue{}
	d.rps, d.creds = nil, nil
	d.upload = upload{}
}

// draw is n bytes that differ at each call.
func (d *Device) draw(n int, label string) []byte {
	d.draws++
	return d.a.Derive(n, "ctap2 "+label, binary.BigEndian.AppendUint64(nil, d.draws))
}

func (d *Device) newAgreement() {
	for {
		if k, err := ecdh.P256().NewPrivateKey(d.draw(32, "key agreement")); err == nil {
			d.agreement = k
			return
		}
	}
}

// Command answers one CTAP2 command: a command byte and its parameters as CBOR
// in the canonical form. The answer is a status byte and, where there is one, a
// CBOR map. No input is an error in the sense of Go.
func (d *Device) Command(message []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	body, err := d.command(message)
	if err != nil {
		s := virtualauth.StatusOther
		errors.As(err, &s)
		return []byte{byte(s)}
	}
	return append([]byte{byte(statusOK)}, body...)
}

func (d *Device) command(message []byte) ([]byte, error) {
	if len(message) == 0 {
		return nil, statusInvalidLength
	}
	if len(message) > maxMessage {
		return nil, statusInvalidLength
	}
	if d.cfg.Protocol != virtualauth.CTAP2 {
		return nil, statusInvalidCommand
	}
	command, body := message[0], message[1:]
	if command != CommandGetNextAssertion {
		d.next = queue{}
	}
	if command != CommandCredentialManagement {
		d.rps, d.creds = nil, nil
	}
	if command != CommandLargeBlobs {
		d.upload = upload{}
	}
	var run func(item) ([]byte, error)
	switch command {
	case CommandGetInfo, CommandReset, CommandGetNextAssertion, CommandSelection:
		if len(body) > 0 {
			return nil, statusInvalidLength
		}
		switch command {
		case CommandGetInfo:
			return d.info(), nil
		case CommandReset:
			return nil, d.reset()
		case CommandSelection:
			return nil, d.present()
		}
		return d.getNextAssertion()
	case CommandMakeCredential:
		run = d.makeCredential
	case CommandGetAssertion:
		run = d.getAssertion
	case CommandClientPIN:
		run = d.clientPIN
	case CommandCredentialManagement:
		if !d.cfg.ResidentKeys {
			return nil, statusInvalidCommand
		}
		run = d.credentialManagement
	case CommandLargeBlobs:
		if !d.cfg.Extensions.LargeBlob {
			return nil, statusInvalidCommand
		}
		run = d.largeBlobs
	default:
		return nil, statusInvalidCommand
	}
	v, ok := decode(body)
	if !ok {
		return nil, statusInvalidCBOR
	}
	if v.major != majorMap {
		return nil, statusUnexpectedType
	}
	return run(v)
}

// present asks the user for a touch.
func (d *Device) present() error {
	if d.cfg.PresenceFails {
		return virtualauth.StatusOperationDenied
	}
	return nil
}

// reset is authenticatorReset (CTAP 2.2 §6.6): only within ten seconds of power-up.
func (d *Device) reset() error {
	if d.cfg.Clock().Sub(d.poweredUp) > 10*time.Second {
		return statusNotAllowed
	}
	if err := d.present(); err != nil {
		return err
	}
	d.a.Reset()
	d.pinHash, d.pinRetries, d.uvRetries = nil, maxPINRetries, maxUVRetries
	d.blobs, d.lastCreated = emptyBlobs(), nil
	at := d.poweredUp
	d.powerUp()
	d.poweredUp = at
	return nil
}

// Extensions, in the order of getInfo.
func (d *Device) extensions() []string {
	var list []string
	for _, e := range []struct {
		name string
		has  bool
	}{
		{"credBlob", d.cfg.Extensions.CredBlob},
		{"credProtect", d.cfg.Extensions.CredProtect},
		{"hmac-secret", d.cfg.Extensions.HMACSecret},
		{"hmac-secret-mc", d.cfg.Extensions.HMACSecret},
		{"largeBlobKey", d.cfg.Extensions.LargeBlob},
		{"minPinLength", d.cfg.Extensions.MinPINLength > 0},
		{"uvm", d.cfg.Extensions.UVM},
	} {
		if e.has {
			list = append(list, e.name)
		}
	}
	return list
}

// speaksU2F: U2F has ES256 only, and key handles of 255 bytes at most.
func (d *Device) speaksU2F() bool {
	return slices.Contains(d.cfg.Algorithms, virtualauth.ES256) && d.cfg.CredentialIDLength <= 255
}

// maxResident is what getInfo and credential management count down from where
// the configuration sets no limit.
const maxResident = 1000

func (d *Device) remaining() int64 {
	room := d.cfg.MaxResidentKeys
	if room == 0 {
		room = maxResident
	}
	return int64(max(0, room-len(d.residents())))
}

func (d *Device) residents() []virtualauth.Credential {
	return slices.DeleteFunc(d.a.Credentials(), func(c virtualauth.Credential) bool { return !c.Resident })
}

func (d *Device) minPIN() int { return max(4, int(d.cfg.Extensions.MinPINLength)) }

// info is authenticatorGetInfo (CTAP 2.2 §6.4).
func (d *Device) info() []byte {
	versions := []string{"FIDO_2_0", "FIDO_2_1", "FIDO_2_2"}
	if d.speaksU2F() {
		versions = append([]string{"U2F_V2"}, versions...)
	}
	options := []member{
		namedField("rk", boolean(d.cfg.ResidentKeys)),
		namedField("up", boolean(true)),
		namedField("plat", boolean(d.cfg.Attachment == "platform")),
		namedField("clientPin", boolean(d.pinHash != nil)),
		namedField("pinUvAuthToken", boolean(true)),
		namedField("makeCredUvNotRqd", boolean(true)),
	}
	if d.cfg.UserVerification {
		options = append(options, namedField("uv", boolean(true)))
	}
	if d.cfg.ResidentKeys {
		options = append(options, namedField("credMgmt", boolean(true)))
	}
	if d.cfg.Extensions.LargeBlob {
		options = append(options, namedField("largeBlobs", boolean(true)))
	}
	if d.cfg.Enterprise != nil {
		options = append(options, namedField("ep", boolean(true)))
	}
	var algorithms [][]byte
	for _, id := range d.cfg.Algorithms {
		algorithms = append(algorithms, object(namedField("alg", num(id)), namedField("type", text("public-key"))))
	}
	extensions := d.extensions()
	return object(
		field(1, texts(versions)),
		field(2, present(len(extensions) > 0, func() []byte { return texts(extensions) })),
		field(3, bin(d.cfg.AAGUID[:])),
		field(4, object(options...)),
		field(5, num(maxMessage)),
		field(6, array(num(int64(protocolTwo)), num(int64(protocolOne)))),
		field(7, num(maxList)),
		field(8, num(1023)),
		field(9, texts(d.cfg.Transports)),
		field(0x0a, array(algorithms...)),
		field(0x0b, present(d.cfg.Extensions.LargeBlob, func() []byte { return num(maxBlobs) })),
		field(0x0d, num(int64(d.minPIN()))),
		field(0x0f, present(d.cfg.Extensions.CredBlob, func() []byte { return num(32) })),
		field(0x14, present(d.cfg.ResidentKeys, func() []byte { return num(d.remaining()) })),
	)
}

// maxList is how many descriptors a list may have.
const maxList = 64

// hashOf is SHA-256 of an RP ID.
func hashOf(rpID string) []byte {
	sum := sha256.Sum256([]byte(rpID))
	return sum[:]
}
