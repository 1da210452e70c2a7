package virtualauth

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"slices"
	"time"
)

// certificateFault is a fault in a statement that is made anew with it.
func certificateFault(field, steps string, strength Strength, anchor, doc string, formats []string, do func(e *edit) (bend, error)) faultDef {
	return faultDef{Fault: Fault{
		Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageAttestation, Ceremonies: inRegistration,
		Strength: strength, Violates: anchor, Formats: formats, Certificates: true,
	}, edit: func(e *edit) error {
		if e.keys.Format == FormatPackedSelf {
			return notApplicable("a self attestation has no certificate")
		}
		b, err := do(e)
		if err != nil {
			return err
		}
		return e.bendStatement(b)
	}}
}

// fidoAuthority is who issued the packed certificate of the response.
func (e *edit) fidoAuthority() (*authority, error) {
	if e.keys.authority != nil {
		return e.keys.authority.authority, nil
	}
	return fidoAuthority()
}

// bendLeaf changes the template of the leaf.
func bendLeaf(change func(*x509.Certificate)) func(*edit) (bend, error) {
	return func(*edit) (bend, error) { return bend{leaf: change}, nil }
}

func bendChain(change func([][]byte) [][]byte) func(*edit) (bend, error) {
	return func(*edit) (bend, error) { return bend{chain: change}, nil }
}

// dropExtension leaves an extension out of the template.
func dropExtension(c *x509.Certificate, oid string) {
	c.ExtraExtensions = slices.DeleteFunc(c.ExtraExtensions, func(x pkix.Extension) bool { return x.Id.String() == oid })
}

var (
	chained    = []string{"packed", "tpm", "android-key", "apple"}
	onlyPacked = []string{"packed"}
	models     = []string{"packed", "tpm"} // certificates that name an AAGUID
	onlyTPM    = []string{"tpm"}
	onlyKey    = []string{"android-key"}
	onlyApple  = []string{"apple"}
	onlyNet    = []string{"android-safetynet"}
)

const (
	anchorTrust       = "reg-ceremony-attestation-trust-anchors"
	anchorAssess      = "reg-ceremony-assess-trust"
	anchorPackedCert  = "sctn-packed-attestation-cert-requirements"
	anchorTPM         = "sctn-tpm-attestation"
	anchorTPMCert     = "sctn-tpm-cert-requirements"
	anchorAndroidKey  = "sctn-android-key-attestation"
	anchorAndroidCert = "sctn-key-attstn-cert-requirements"
	anchorApple       = "sctn-apple-anonymous-attestation"
	anchorSafetyNet   = "sctn-android-safetynet-attestation"
	anchorCompound    = "sctn-compound-attestation"
)

// keyDescriptionLists is both authorization lists of an Android key, the second
// with these contents.
func keyDescriptionLists(contents ...[]byte) []byte {
	hardware := slices.Concat(contents...)
	return slices.Concat([]byte{0x30, 0, 0x30, byte(len(hardware))}, hardware)
}

var (
	listPurposeSign     = []byte{0xa1, 5, 0x31, 3, 2, 1, 2}
	listPurposeEncrypt  = []byte{0xa1, 5, 0x31, 3, 2, 1, 0}
	listOriginGenerated = []byte{0xbf, 0x85, 0x3e, 3, 2, 1, 0}
	listOriginImported  = []byte{0xbf, 0x85, 0x3e, 3, 2, 1, 2}
	listAllApplications = []byte{0xbf, 0x84, 0x58, 2, 5, 0} // [600] NULL
)

func bendLists(contents ...[]byte) func(*edit) (bend, error) {
	return func(*edit) (bend, error) { return bend{authorizations: keyDescriptionLists(contents...)}, nil }
}

// otherLeafKey certifies another key than the credential's.
func otherLeafKey(e *edit) (bend, error) {
	alg, err := e.credentialAlgorithm()
	if err != nil {
		return bend{}, err
	}
	k, err := e.otherKey(alg)
	if err != nil {
		return bend{}, err
	}
	return bend{leafKey: k}, nil
}

var certificateFaults = []faultDef{
	certificateFault("CertificateExpired", "24", ShouldReject, anchorAssess, "the attestation certificate has expired", chained, bendLeaf(func(c *x509.Certificate) {
		c.NotBefore = pkiNotBefore.AddDate(-10, 0, 0)
		c.NotAfter = pkiNotBefore.AddDate(-1, 0, 0)
	})),
	certificateFault("CertificateNotYetValid", "24", ShouldReject, anchorAssess, "the attestation certificate is not valid yet", chained, bendLeaf(func(c *x509.Certificate) {
		c.NotBefore = pkiNotAfter.Add(-24 * time.Hour)
	})),
	certificateFault("CertificateUntrusted", "24", ShouldReject, anchorTrust, "the attestation certificate is by a root that nobody trusts", chained, func(*edit) (bend, error) {
		stranger, err := newCA("Touchstone Virtual Untrusted Root CA", nil)
		return bend{issuer: stranger}, err
	}),
	certificateFault("CertificateOwnRoot", "24", ShouldReject, anchorTrust, "x5c brings its own root along, which nobody trusts", chained, func(*edit) (bend, error) {
		stranger, err := newCA("Touchstone Virtual Untrusted Root CA", nil)
		if err != nil {
			return bend{}, err
		}
		return bend{issuer: stranger, chain: func(x5c [][]byte) [][]byte { return [][]byte{x5c[0], stranger.cert.Raw} }}, nil
	}),
	certificateFault("CertificateAnchorIncluded", "24", MayReject, anchorTrust, "x5c carries the trust anchor behind the certificates that lead to it", onlyPacked, func(e *edit) (bend, error) {
		ca, err := e.fidoAuthority()
		if err != nil {
			return bend{}, err
		}
		return bend{chain: func(x5c [][]byte) [][]byte { return append(slices.Clone(x5c), ca.root.cert.Raw) }}, nil
	}),
	certificateFault("CertificateIntermediateExpired", "24", ShouldReject, anchorAssess, "the certificate that issued the attestation certificate has expired", onlyPacked, func(e *edit) (bend, error) {
		ca, err := e.fidoAuthority()
		if err != nil {
			return bend{}, err
		}
		old, err := newCAOf("Touchstone Virtual FIDO Expired Intermediate CA", ca.root, pkiNotBefore.AddDate(-10, 0, 0), pkiNotBefore.AddDate(-1, 0, 0))
		return bend{issuer: old}, err
	}),
	certificateFault("CertificateIssuerNotCA", "24", ShouldReject, anchorAssess, "the attestation certificate was issued by one that a trusted authority gave to somebody who is none", onlyPacked, func(e *edit) (bend, error) {
		ca, err := e.fidoAuthority()
		if err != nil {
			return bend{}, err
		}
		nobody, err := newLeaf(leaf{label: "Touchstone Virtual No Authority"}, ca.intermediate)
		return bend{issuer: nobody}, err
	}),
	certificateFault("CertificateTwoIntermediates", "24", MustAccept, anchorAssess, "two intermediate authorities stand between the attestation certificate and the root", onlyPacked, func(e *edit) (bend, error) {
		ca, err := e.fidoAuthority()
		if err != nil {
			return bend{}, err
		}
		inner, err := newCA("Touchstone Virtual FIDO Inner CA", ca.intermediate)
		return bend{issuer: inner}, err
	}),
	certificateFault("CertificateSignatureBroken", "24", ShouldReject, anchorAssess, "one bit of the attestation certificate's own signature is flipped", chained, bendChain(func(x5c [][]byte) [][]byte {
		x5c[0] = bytes.Clone(x5c[0])
		x5c[0][len(x5c[0])-1] ^= 1
		return x5c
	})),
	certificateFault("CertificateChainReversed", "22", MustReject, "sctn-attstn-fmt-ids", "x5c stands in reverse order", chained, bendChain(func(x5c [][]byte) [][]byte {
		slices.Reverse(x5c)
		return x5c
	})),
	certificateFault("CertificateChainShort", "24", MayReject, anchorTrust, "x5c holds the leaf alone: the Relying Party has to know the intermediate", chained, bendChain(func(x5c [][]byte) [][]byte { return x5c[:1] })),
	certificateFault("CertificateTrailing", "22", MustReject, "sctn-attstn-fmt-ids", "bytes stand behind the attestation certificate", chained, bendChain(func(x5c [][]byte) [][]byte {
		x5c[0] = append(bytes.Clone(x5c[0]), 0, 0)
		return x5c
	})),
	certificateFault("CertificateIsCA", "22", MustReject, anchorPackedCert, "the attestation certificate is one of a certification authority", onlyPacked, bendLeaf(func(c *x509.Certificate) { c.IsCA = true })),
	certificateFault("CertificateUnitOther", "22", MustReject, anchorPackedCert, "the subject's organizational unit is not Authenticator Attestation", onlyPacked, bendLeaf(func(c *x509.Certificate) {
		c.Subject.OrganizationalUnit = []string{"Somewhere Else"}
	})),
	certificateFault("CertificateCountryMissing", "22", MustReject, anchorPackedCert, "the subject has no country", onlyPacked, bendLeaf(func(c *x509.Certificate) { c.Subject.Country = nil })),
	certificateFault("CertificateCountryName", "22", MustReject, anchorPackedCert, "the subject's country is the name of a country, not its code", onlyPacked, bendLeaf(func(c *x509.Certificate) { c.Subject.Country = []string{"Sweden"} })),
	certificateFault("CertificateOrganizationMissing", "22", MustReject, anchorPackedCert, "the subject has no organization", onlyPacked, bendLeaf(func(c *x509.Certificate) { c.Subject.Organization = nil })),
	certificateFault("CertificateNameMissing", "22", MustReject, anchorPackedCert, "the subject has no common name", onlyPacked, bendLeaf(func(c *x509.Certificate) { c.Subject.CommonName = "" })),
	certificateFault("CertificateAAGUIDOther", "22", MustReject, anchorPacked, "the attestation certificate names another AAGUID", models, func(e *edit) (bend, error) {
		other := e.draw(16)
		return bend{leaf: func(c *x509.Certificate) {
			dropExtension(c, oidAAGUID.String())
			c.ExtraExtensions = append(c.ExtraExtensions, aaguidExtension(other))
		}}, nil
	}),
	certificateFault("CertificateAAGUIDCritical", "22", MustReject, anchorPackedCert, "the certificate's AAGUID extension is critical", onlyPacked, bendLeaf(func(c *x509.Certificate) {
		for i := range c.ExtraExtensions {
			c.ExtraExtensions[i].Critical = true
		}
	})),
	certificateFault("CertificateAAGUIDAbsent", "22", MustAccept, anchorPackedCert, "the certificate has no AAGUID extension, as that of a root with one model may", onlyPacked, bendLeaf(func(c *x509.Certificate) { dropExtension(c, oidAAGUID.String()) })),

	certificateFault("TPMMagicWrong", "22", MustReject, anchorTPM, "magic of certInfo is not TPM_GENERATED_VALUE", onlyTPM, func(*edit) (bend, error) {
		return bend{certInfo: func(b []byte) []byte { b[3] ^= 1; return b }}, nil
	}),
	certificateFault("TPMTypeWrong", "22", MustReject, anchorTPM, "type of certInfo is TPM_ST_ATTEST_QUOTE", onlyTPM, func(*edit) (bend, error) {
		return bend{certInfo: func(b []byte) []byte { b[5] = 0x18; return b }}, nil
	}),
	certificateFault("TPMExtraDataOther", "22", MustReject, anchorTPM, "extraData of certInfo is the hash of something else", onlyTPM, func(*edit) (bend, error) {
		return bend{certInfo: func(b []byte) []byte {
			const signer = 6 // behind magic and type
			at := signer + 2 + int(binary.BigEndian.Uint16(b[signer:]))
			b[at+2] ^= 1
			return b
		}}, nil
	}),
	certificateFault("TPMNameOther", "22", MustReject, anchorTPM, "certInfo certifies the name of another public area", onlyTPM, func(*edit) (bend, error) {
		return bend{certified: func(b []byte) []byte { b[len(b)-1] ^= 1; return b }}, nil
	}),
	certificateFault("TPMPubAreaOther", "22", MustReject, anchorTPM, "the unique part of pubArea is not the credential key, and certInfo agrees with it", onlyTPM, func(*edit) (bend, error) {
		return bend{pubArea: func(b []byte) []byte { b[len(b)-1] ^= 1; return b }}, nil
	}),
	certificateFault("TPMNamesEmpty", "22", MustAccept, anchorTPM, "qualifiedSigner and qualifiedName of certInfo are empty, and nobody is to look at them", onlyTPM, func(*edit) (bend, error) { return bend{nameless: true}, nil }),
	certificateFault("TPMSubjectNotEmpty", "22", MustReject, anchorTPMCert, "the subject of the attestation identity certificate is not empty", onlyTPM, bendLeaf(func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "Touchstone Virtual TPM"}
	})),
	certificateFault("TPMUsageMissing", "22", MustReject, anchorTPMCert, "the attestation identity certificate lacks the extended key usage tcg-kp-AIKCertificate", onlyTPM, bendLeaf(func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil })),
	certificateFault("TPMAltNameMissing", "22", MustReject, anchorTPMCert, "the attestation identity certificate has no subject alternative name", onlyTPM, bendLeaf(func(c *x509.Certificate) { dropExtension(c, oidSubjectAltName.String()) })),
	certificateFault("TPMCertificateIsCA", "22", MustReject, anchorTPMCert, "the attestation identity certificate is one of a certification authority", onlyTPM, bendLeaf(func(c *x509.Certificate) { c.IsCA = true })),
	statementFault("TPMVersionOther", "22", MustReject, `ver of the tpm statement is "1.2"`, setStatementRaw("ver", appendCBORText(nil, "1.2"))).at(anchorTPM).needs("tpm"),

	certificateFault("AndroidKeyChallengeOther", "22", MustReject, anchorAndroidKey, "attestationChallenge is not the client data hash", onlyKey, func(e *edit) (bend, error) { return bend{challenge: e.draw(32)}, nil }),
	certificateFault("AndroidKeyCertificateOther", "22", MustReject, anchorAndroidKey, "the certificate is over another key than the credential's", onlyKey, otherLeafKey),
	certificateFault("AndroidKeyExtensionMissing", "22", MustReject, anchorAndroidCert, "the certificate has no key description", onlyKey, bendLeaf(func(c *x509.Certificate) { dropExtension(c, oidKeyDescription.String()) })),
	certificateFault("AndroidKeyAllApplications", "22", MustReject, anchorAndroidKey, "the key is for all applications", onlyKey, bendLists(listPurposeSign, listAllApplications, listOriginGenerated)),
	certificateFault("AndroidKeyOriginImported", "22", MustReject, anchorAndroidKey, "the key was imported and not generated", onlyKey, bendLists(listPurposeSign, listOriginImported)),
	certificateFault("AndroidKeyPurposeOther", "22", MustReject, anchorAndroidKey, "the key is for encryption and not for signing", onlyKey, bendLists(listPurposeEncrypt, listOriginGenerated)),

	certificateFault("AppleNonceOther", "22", MustReject, anchorApple, "the certificate's nonce is another one", onlyApple, func(e *edit) (bend, error) { return bend{nonce: e.draw(32)}, nil }),
	certificateFault("AppleNonceMissing", "22", MustReject, anchorApple, "the certificate has no nonce", onlyApple, bendLeaf(func(c *x509.Certificate) { dropExtension(c, oidAppleNonce.String()) })),
	certificateFault("AppleCertificateOther", "22", MustReject, anchorApple, "the certificate is over another key than the credential's", onlyApple, otherLeafKey),

	certificateFault("SafetyNetNonceOther", "22", MustReject, anchorSafetyNet, "the response's nonce is another one", onlyNet, func(e *edit) (bend, error) { return bend{nonce: e.draw(32)}, nil }),
	certificateFault("SafetyNetProfileMismatch", "22", MustReject, anchorSafetyNet, "ctsProfileMatch of the response is false", onlyNet, func(*edit) (bend, error) {
		return bend{response: func(r *safetyNetResponse) { r.CtsProfileMatch = false }}, nil
	}),
	certificateFault("SafetyNetHostOther", "22", MustReject, anchorSafetyNet, "the response is signed by another host than attest.android.com", onlyNet, bendLeaf(func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames = "attest.evil.test", []string{"attest.evil.test"}
	})),
	statementFault("SafetyNetVersionEmpty", "22", MustReject, "ver of the android-safetynet statement is empty", setStatementRaw("ver", appendCBORText(nil, ""))).at(anchorSafetyNet).needs("android-safetynet"),
	statementFault("SafetyNetResponseEmpty", "22", MustReject, "response of the android-safetynet statement is empty", setStatementRaw("response", appendCBORBytes(nil, nil))).at(anchorSafetyNet).needs("android-safetynet"),
	statementFault("SafetyNetSignatureBitFlip", "22", MustReject, "a letter of the response's signature is changed", func(e *edit) error {
		i := e.statementMember("response")
		if i < 0 {
			return notApplicable("the statement has no response")
		}
		response, ok := cborString(e.statement[i].value, cborBytes)
		if !ok || len(response) < 10 {
			return notApplicable("response is not a JWS")
		}
		response = bytes.Clone(response)
		if at := len(response) - 10; response[at] == 'A' {
			response[at] = 'B'
		} else {
			response[at] = 'A'
		}
		return e.setStatement("response", appendCBORBytes(nil, response))
	}).at(anchorSafetyNet).needs("android-safetynet"),

	compoundFault("CompoundOne", "attStmt of compound holds one statement, and two are the fewest", func(items [][]byte) [][]byte { return items[:1] }),
	compoundFault("CompoundEmpty", "attStmt of compound is an empty array", func([][]byte) [][]byte { return nil }),
	compoundFault("CompoundNested", "attStmt of compound holds a compound statement", func(items [][]byte) [][]byte {
		inner := appendCBORHead(nil, cborArray, uint64(len(items)))
		inner = append(inner, slices.Concat(items...)...)
		nested := appendCBORText(appendCBORText([]byte{0xa2}, "fmt"), "compound")
		return append(items, append(appendCBORText(nested, "attStmt"), inner...))
	}),
	statementFault("CompoundNotArray", "22", MustReject, "attStmt of compound is its first statement alone, without the array", func(e *edit) error {
		i := findPair(e.object, cborTextKey("attStmt"))
		if i < 0 {
			return notApplicable("the attestation object has no attStmt")
		}
		items, err := cborElements(e.object[i].value)
		if err != nil || len(items) == 0 {
			return notApplicable("attStmt is not an array of statements")
		}
		e.object[i].value = bytes.Clone(items[0])
		return nil
	}).at(anchorCompound).needs("compound"),
}

// compoundFault changes the array of a compound statement.
func compoundFault(field, doc string, change func([][]byte) [][]byte) faultDef {
	return statementFault(field, "22", MustReject, doc, func(e *edit) error {
		i := findPair(e.object, cborTextKey("attStmt"))
		if i < 0 {
			return notApplicable("the attestation object has no attStmt")
		}
		items, err := cborElements(e.object[i].value)
		if err != nil || len(items) == 0 {
			return notApplicable("attStmt is not an array of statements")
		}
		items = change(slices.Clip(items))
		e.object[i].value = append(appendCBORHead(nil, cborArray, uint64(len(items))), slices.Concat(items...)...)
		return nil
	}).at(anchorCompound).needs("compound")
}
