package virtualauth

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

func dataFault(field, steps string, strength Strength, c Ceremonies, doc string, do func(*edit) error) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageAuthData, Ceremonies: c, Strength: strength, Violates: anchorAuthData}, edit: do}
}

const (
	anchorAuthData = "sctn-authenticator-data"
	anchorAttested = "sctn-attested-credential-data"
	anchorFlags    = "authdata-flags"
	anchorCounter  = "sctn-sign-counter"
	anchorBackup   = "sctn-credential-backup"
)

// rpIDHashOf replaces the RP ID hash by the hash of a text made from the origin.
func rpIDHashOf(change func(e *edit, o origin) (string, error)) func(*edit) error {
	return func(e *edit) error {
		o, err := e.tuple()
		if err != nil {
			return err
		}
		text, err := change(e, o)
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(text))
		if string(sum[:]) == string(e.auth.rpIDHash) {
			return notApplicable("the RP ID hash is that of %s already", text)
		}
		e.auth.rpIDHash = sum[:]
		return nil
	}
}

// setFlags sets and clears flags, and refuses to do nothing.
func setFlags(set, clear byte) func(*edit) error {
	return func(e *edit) error {
		f := e.auth.flags&^clear | set
		if f == e.auth.flags {
			return notApplicable("the flags are %#02x already", f)
		}
		e.auth.flags = f
		return nil
	}
}

// bytesOf changes the assembled authenticator data.
func bytesOf(change func([]byte) []byte) func(*edit) error {
	return func(e *edit) error {
		e.authPost = append(e.authPost, change)
		return nil
	}
}

// counterTo sets the counter by what the Relying Party saw last.
func counterTo(value func(last uint32) (uint32, error)) func(*edit) error {
	return func(e *edit) error {
		var last uint32
		switch {
		case e.keys.LastSignCount != nil:
			last = *e.keys.LastSignCount
		case e.auth.signCount > 0:
			last = e.auth.signCount - 1
		default:
			return notApplicable("the response's counter is zero: the authenticator has none")
		}
		n, err := value(last)
		if err != nil {
			return err
		}
		if n == e.auth.signCount {
			return notApplicable("the counter is %d already", n)
		}
		e.auth.signCount = n
		return nil
	}
}

func credentialID(n int) func(*edit) error {
	return func(e *edit) error {
		e.auth.credentialID = append([]byte{}, e.draw(n)...)
		return nil
	}
}

// appleNonceLikeDER draws credential ids until the nonce, which is a hash over them
// too, starts like an OCTET STRING that ends where the nonce ends.
func appleNonceLikeDER(e *edit) error {
	e.ensureDeriver()
	e.assembleAuthData()
	const at = 55 // behind RP ID hash, flags, counter, AAGUID and the id's length
	size := len(e.auth.credentialID)
	if size < 8 || len(e.authBytes) < at+size || !bytes.Equal(e.authBytes[at:at+size], e.auth.credentialID) {
		return notApplicable("the credential id is too short to be drawn again, or not where it should be")
	}
	message := slices.Concat(e.authBytes, e.clientDataHash())
	id := message[at : at+size]
	copy(id, e.draw(size))
	for n := uint64(0); n < 1<<22; n++ {
		binary.BigEndian.PutUint64(id[size-8:], n)
		if nonce := sha256.Sum256(message); nonce[0] == 0x04 && nonce[1] == sha256.Size-2 {
			e.auth.credentialID = bytes.Clone(id)
			return nil
		}
	}
	return notApplicable("no credential id gave such a nonce")
}

func lengthOf(delta int) func(*edit) error {
	return func(e *edit) error {
		n := len(e.auth.credentialID) + delta
		if n < 0 || n > 0xffff {
			return notApplicable("the credential id has %d bytes", len(e.auth.credentialID))
		}
		length := uint16(n)
		e.auth.idLength = &length
		return nil
	}
}

// setAAGUID changes the model where no certificate repeats it.
func (e *edit) setAAGUID(aaguid []byte) error {
	if e.statementMember("x5c") >= 0 {
		return notApplicable("the attestation certificate may name the AAGUID too")
	}
	if string(e.auth.aaguid) == string(aaguid) {
		return notApplicable("the AAGUID is %x already", aaguid)
	}
	e.auth.aaguid = aaguid
	return nil
}

// unknownExtension is {"touchstone.unknown": true}.
var unknownExtension = appendCBORBool(appendCBORText([]byte{0xa1}, "touchstone.unknown"), true)

// noExtensions refuses where the response has extension data of its own.
func (e *edit) noExtensions() error {
	if e.auth.extensions != nil {
		return notApplicable("the authenticator data has extension data already")
	}
	return nil
}

func extensionData(flags byte, raw []byte) func(*edit) error {
	return func(e *edit) error {
		if err := e.noExtensions(); err != nil {
			return err
		}
		e.auth.flags |= flags
		e.auth.extensions = raw
		return nil
	}
}

var authDataFaults = []faultDef{
	dataFault("RPIDHashZero", "14/15", MustReject, inBoth, "the RP ID hash is all zero", func(e *edit) error {
		e.auth.rpIDHash = make([]byte, 32)
		return nil
	}),
	dataFault("RPIDHashOther", "14/15", MustReject, inBoth, "the RP ID hash is of another RP ID", rpIDHashOf(func(*edit, origin) (string, error) { return "evil.test", nil })),
	dataFault("RPIDHashOfOrigin", "14/15", MustReject, inBoth, "the RP ID hash is of the origin in place of the RP ID", rpIDHashOf(func(_ *edit, o origin) (string, error) { return o.String(), nil })),
	dataFault("RPIDHashParent", "14/15", MustReject, inBoth, "the RP ID hash is of the host's parent domain", rpIDHashOf(func(_ *edit, o origin) (string, error) { return parentDomain(o.host) })),
	dataFault("RPIDHashSubdomain", "14/15", MustReject, inBoth, "the RP ID hash is of a subdomain", rpIDHashOf(func(_ *edit, o origin) (string, error) { return "sub." + o.host, nil })),
	dataFault("RPIDHashUpperCase", "14/15", MustReject, inBoth, "the RP ID hash is of the host with its first letter in upper case", rpIDHashOf(func(_ *edit, o origin) (string, error) {
		return string(o.host[0]&^0x20) + o.host[1:], nil
	})),
	dataFault("RPIDHashOfAppID", "/15", MustReject, inAuthentication, "the RP ID hash is of the AppID, though the appid extension was not asked for", rpIDHashOf(func(e *edit, o origin) (string, error) {
		if e.keys.AppID != "" {
			return e.keys.AppID, nil
		}
		return o.String(), nil
	})).at("sctn-appid-extension"),
	dataFault("RPIDHashTruncated", "14/15", MustReject, inBoth, "the RP ID hash has lost its last byte", func(e *edit) error {
		e.auth.rpIDHash = e.auth.rpIDHash[:31]
		return nil
	}),
	dataFault("RPIDHashBitFlip", "14/15", MustReject, inBoth, "one bit of the RP ID hash's last byte is flipped", func(e *edit) error {
		e.auth.rpIDHash = append([]byte{}, e.auth.rpIDHash...)
		e.auth.rpIDHash[31] ^= 1
		return nil
	}),

	dataFault("FlagUPClear", "15/16", MustReject, inBoth, "UP is clear, and UV too where it was set", setFlags(0, FlagUP|FlagUV)).at("concept-user-present"),
	dataFault("FlagUPClearUVSet", "15/16", MustReject, inBoth, "UP is clear though UV is set", func(e *edit) error {
		e.auth.flags = e.auth.flags&^FlagUP | FlagUV
		return nil
	}).at("concept-user-present"),
	dataFault("FlagUVClear", "16/17", MustReject, inBoth, "UV is clear, where the options may require it", setFlags(0, FlagUV)).at("concept-user-verified"),
	dataFault("FlagUVSet", "16/17", MustAccept, inBoth, "UV is set, where the options need not require it", setFlags(FlagUV, 0)).at("concept-user-verified"),
	dataFault("FlagBSWithoutBE", "17/18", MustReject, inBoth, "BS is set though BE is clear", setFlags(FlagBS, FlagBE)).at(anchorBackup),
	dataFault("FlagBESet", "/19", MustReject, inAuthentication, "BE is set, though it was clear at registration", func(e *edit) error {
		if e.auth.flags&FlagBE != 0 {
			return notApplicable("BE is set already: register a credential that is not backup eligible")
		}
		e.auth.flags |= FlagBE
		return nil
	}).at(anchorBackup),
	dataFault("FlagBEClear", "/19", MustReject, inAuthentication, "BE is clear (and BS), though it was set at registration", func(e *edit) error {
		if e.auth.flags&FlagBE == 0 {
			return notApplicable("BE is clear already: register a credential that is backup eligible")
		}
		e.auth.flags &^= FlagBE | FlagBS
		return nil
	}).at(anchorBackup),
	dataFault("FlagReservedBit1", "", MayReject, inBoth, "bit 1 of the flags is set, which is reserved", setFlags(1<<1, 0)).at(anchorFlags),
	dataFault("FlagReservedBit5", "", MayReject, inBoth, "bit 5 of the flags is set, which is reserved", setFlags(1<<5, 0)).at(anchorFlags),
	dataFault("FlagsZero", "15/16", MustReject, inAuthentication, "every flag is clear", setFlags(0, 0xff)).at("concept-user-present"),

	dataFault("FlagATClear", "13", MustReject, inRegistration, "AT is clear though the attested credential data is there", setFlags(0, FlagAT)).at(anchorFlags),
	dataFault("AttestedDataMissing", "13", MustReject, inRegistration, "AT is set though the attested credential data is left out", func(e *edit) error {
		e.auth.attested = false
		return nil
	}).at(anchorAttested),
	dataFault("AttestedDataAbsent", "13", MustReject, inRegistration, "AT is clear and the attested credential data is left out", func(e *edit) error {
		e.auth.attested = false
		e.auth.flags &^= FlagAT
		return nil
	}).at(anchorAttested),
	dataFault("AttestedDataTruncated", "13", MustReject, inRegistration, "the authenticator data ends within the credential id", bytesOf(func(b []byte) []byte { return b[:min(len(b), 60)] })).at(anchorAttested),
	dataFault("AssertionFlagAT", "", ShouldReject, inAuthentication, "AT is set in an assertion that has no attested credential data", setFlags(FlagAT, 0)).at(anchorAuthData),
	dataFault("AssertionAttestedData", "", MayReject, inAuthentication, "the assertion carries attested credential data, with AT set", func(e *edit) error {
		alg, err := e.credentialAlgorithm()
		if err != nil {
			return err
		}
		key, err := alg.cose(nil, e.keys.Credential.Public())
		if err != nil {
			return err
		}
		e.auth.flags |= FlagAT
		e.auth.attested = true
		e.auth.aaguid = make([]byte, 16)
		e.auth.credentialID = e.login.RawID
		e.auth.key = key
		return nil
	}).at(anchorAuthData),

	dataFault("FlagEDSet", "13/", MustReject, inBoth, "ED is set though there is no extension data", func(e *edit) error {
		if err := e.noExtensions(); err != nil {
			return err
		}
		e.auth.flags |= FlagED
		return nil
	}).at(anchorFlags),
	dataFault("ExtensionsWithoutED", "13/", ShouldReject, inBoth, "extension data stands behind the authenticator data though ED is clear", extensionData(0, unknownExtension)).at(anchorFlags),
	dataFault("ExtensionsNotMap", "13/", ShouldReject, inBoth, "ED is set and the extension data is an array", extensionData(FlagED, []byte{0x81, 0xf5})).at(anchorAuthData),
	dataFault("ExtensionsTruncated", "13/", MustReject, inBoth, "ED is set and the extension data ends within its map", extensionData(FlagED, unknownExtension[:len(unknownExtension)-1])).at(anchorAuthData),
	dataFault("ExtensionsEmptyMap", "28/23", MayReject, inBoth, "ED is set and the extension data is an empty map", extensionData(FlagED, []byte{0xa0})).at(anchorAuthData),
	dataFault("ExtensionsUnknown", "28/23", MayReject, inBoth, "the extension data holds a well-formed output that nothing defines and nobody asked for", extensionData(FlagED, unknownExtension)).at("sctn-extensions"),

	dataFault("AuthDataShort", "13/", MustReject, inBoth, "the authenticator data is 36 bytes long", bytesOf(func(b []byte) []byte { return b[:min(len(b), 36)] })),
	dataFault("AuthDataEmpty", "13/", MustReject, inBoth, "the authenticator data is empty", bytesOf(func([]byte) []byte { return []byte{} })),
	dataFault("AuthDataTrailing", "13/", ShouldReject, inBoth, "four bytes stand behind the authenticator data", bytesOf(func(b []byte) []byte { return append(b, 0xde, 0xad, 0xbe, 0xef) })),

	dataFault("CounterZero", "/22", MayReject, inAuthentication, "the signature counter is zero", counterTo(func(uint32) (uint32, error) { return 0, nil })).at(anchorCounter),
	dataFault("CounterEqual", "/22", MayReject, inAuthentication, "the signature counter is what it was", counterTo(func(last uint32) (uint32, error) {
		if last == 0 {
			return 0, notApplicable("the last counter was zero: sign in once more before")
		}
		return last, nil
	})).at(anchorCounter),
	dataFault("CounterLower", "/22", MayReject, inAuthentication, "the signature counter is lower than it was", counterTo(func(last uint32) (uint32, error) {
		if last < 2 {
			return 0, notApplicable("the last counter was %d: sign in more often before", last)
		}
		return last - 1, nil
	})).at(anchorCounter),
	dataFault("CounterHuge", "/22", MustAccept, inBoth, "the signature counter is 4294967295", func(e *edit) error {
		e.auth.signCount = 1<<32 - 1
		return nil
	}).at(anchorCounter),
	dataFault("CounterHighBit", "/22", MustAccept, inAuthentication, "the signature counter is 2147483648, negative to those who read it as signed", func(e *edit) error {
		e.auth.signCount = 1 << 31
		return nil
	}).at(anchorCounter),

	dataFault("CredentialIDLengthLong", "13", MustReject, inRegistration, "the length of the credential id says 4096 bytes more than there are", lengthOf(4096)).at(anchorAttested),
	dataFault("CredentialIDLengthShort", "13", MustReject, inRegistration, "the length of the credential id says one byte less than there are, and that byte, 81, makes an array of the key behind it", func(e *edit) error {
		// What the key is taken for hangs on that byte: most make nonsense of it, whatever
		// the Relying Party looks at. An id is the authenticator's to choose.
		if n := len(e.auth.credentialID); n > 0 {
			e.auth.credentialID = bytes.Clone(e.auth.credentialID)
			e.auth.credentialID[n-1] = cborArray<<5 | 1
		}
		return lengthOf(-1)(e)
	}).at(anchorAttested),
	dataFault("CredentialIDEmpty", "25", ShouldReject, inRegistration, "the credential id is empty", credentialID(0)).at(anchorAttested),
	dataFault("AppleNonceLikeDER", "22", MustAccept, inRegistration, "the nonce of the Apple attestation, a hash, happens to start with the bytes 04 1e, which with the 30 behind them can be read as a value in DER", appleNonceLikeDER).at(anchorApple).needs("apple"),
	dataFault("CredentialID1023", "25", MustAccept, inRegistration, "the credential id has 1023 bytes, the most there may be", credentialID(1023)).at(anchorAttested),
	dataFault("CredentialID1024", "25", ShouldReject, inRegistration, "the credential id has 1024 bytes, one too many", credentialID(1024)).at(anchorAttested),

	dataFault("AAGUIDZero", "22", MustAccept, inRegistration, "the AAGUID is all zero", func(e *edit) error {
		return e.setAAGUID(make([]byte, 16))
	}).at(anchorAttested).needs("none", "packed"),
	dataFault("AAGUIDNonZero", "22", MustAccept, inRegistration, "the AAGUID is one that nobody knows", func(e *edit) error {
		return e.setAAGUID(e.draw(16))
	}).at(anchorAttested).needs("none", "packed"),
	dataFault("U2FAAGUIDNonZero", "22", MayReject, inRegistration, "the AAGUID under fido-u2f is not zero", func(e *edit) error {
		e.auth.aaguid = e.draw(16)
		return nil
	}).at("sctn-fido-u2f-attestation").needs("fido-u2f"),
}
