package suites

import (
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

// needMDS: the RP was given the suite's metadata BLOBs.
const needMDS = "mds"

// ofModel is the setting in which a model of the suite's metadata attests with a certificate.
func ofModel(model, format string) Setting {
	return Setting{Authenticator: client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true, Model: model, Format: format}}
}

// mdsChecks ask an RP that was given the suite's metadata. Every model's root is
// known from a BLOB alone, so that what the RP says of it, it says by metadata. The twin
// of each refusal is the registration of a model in good standing
// (https://fidoalliance.org/specs/mds/fido-metadata-service-v3.0-ps-20210518.html).
func mdsChecks() []*Check {
	check := func(name, model, format, requirement string, level Level, title, why string) *Check {
		twin := "listed"
		if model == "of-other-maker" {
			twin = "listed-other-maker" // the same certificates in the model's own name
		}
		return &Check{
			ID: "registration.mds." + name, Title: title, Level: level, Requirements: []string{requirement}, Why: why,
			Needs: []string{needMDS, "attestation.packed"}, Abilities: []client.Ability{client.AttestationFormats, client.Models},
			Story: func(c *Case) {
				fine := ofModel(twin, "packed")
				c.need(c.Account("twin", fine.Authenticator).Run(Registration, fine, noFault, noWire, false), "a registration with a model in good standing")
				bad := ofModel(model, format)
				c.MustReject(c.Account("alice", bad.Authenticator).Run(Registration, bad, noFault, noWire, true), "a registration with "+strings.ToLower(title[:1])+strings.TrimSuffix(title[1:], " is refused"))
			},
		}
	}
	accept := func(name, model, requirement string, level Level, title, why string) *Check {
		return &Check{
			ID: "registration.mds." + name, Title: title, Level: level, Requirements: []string{requirement}, Why: why,
			Needs: []string{needMDS, "attestation.packed"}, Abilities: []client.Ability{client.AttestationFormats, client.Models},
			Ceremony: Registration, Setting: ofModel(model, "packed"), Expect: Accept,
		}
	}
	const signature, chain, revocation = "mds-3/3.2/signature", "mds-3/3.2/chain", "mds-3/3.2/revocation"
	const compromised = "mds-3/3.1.4/compromised"
	return []*Check{
		{
			ID: "authentication.accepted.fleet", Title: "Every device that people have registers and logs in twice", Level: Must,
			Requirements: []string{"webauthn-3/7.2/step-25"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Models},
			Why:   "Devices differ in what is legal: counters that start beyond 2147483647 or stay at zero, ids of 70 and 96 bytes, no transports, keys of other curves, backed up or not. Each refusal locks out all who own that device.",
			Story: everyDevice,
		},
		accept("listed", "listed", "mds-3/3.2/use", Must, "A model that metadata list in good standing is accepted", "Its root stands in the BLOB and nowhere else: who refuses it does not read its metadata."),
		accept("update-available", "update-available", "mds-3/3.1.4/update-available", Should, "A model of which metadata report an available update is accepted", "The report is news, not a compromise: refusing it locks out everyone who has not updated yet."),
		check("revoked", "revoked", "packed", "mds-3/3.1.4/revoked", Should, "A model that metadata report as revoked is refused", "The report is how an RP learns that a model is broken. One that reads the certification and not what came later goes on trusting it."),
		check("key-compromised", "key-compromised", "packed", compromised, Should, "A model of whose user keys metadata report a remote compromise is refused", "Somebody else may hold the keys of every authenticator of the model."),
		check("attestation-key-compromised", "attestation-key-compromised", "packed", compromised, Should, "A model of whose attestation key metadata report a compromise is refused", "The certificate proves nothing any more: software can sign with the key."),
		check("verification-bypassed", "verification-bypassed", "packed", compromised, Should, "A model of which metadata report that user verification can be bypassed is refused", "The flag UV of such a model says nothing, and with it goes the second factor."),
		check("root-of-other-model", "of-other-maker", "packed", "mds-3/3.1.1/roots-of-the-model", Must, "A certificate of one maker in the name of another maker's model is refused", "Who pools the roots of all entries lets every maker, the careless one too, speak for every model."),
		check("surrogate-in-name", "listed", "packed-self", "mds-3/statement-4/attestation-types", Should, "Self attestation in the name of a model that attests with certificates is refused", "An AAGUID that nothing but the credential's own key vouches for is a claim anybody can make; allow lists of AAGUIDs were beaten by it."),
		check("type-not-listed", "surrogate-only", "packed", "mds-3/statement-4/attestation-types", Should, "A certificate from a model whose metadata know self attestation only is refused", "Metadata say how a model attests; another way is not this model."),
		check("algorithm-not-listed", "algorithm-unlisted", "packed", "mds-3/statement-4/algorithms", Should, "A credential for an algorithm that the model's metadata do not list is refused", "A model makes what its statement says. A key of another kind was not made by it, whatever the certificate."),
		check("blob-signature", "flipped-bit", "packed", signature, Must, "A model that only a BLOB with a broken signature lists is refused", "Whoever sits between the RP and the service could list a model of his own."),
		check("blob-unsigned", "algorithm-none", "packed", signature, Must, "A model that only an unsigned BLOB lists is refused", "alg none in the header asks the RP not to look; many JWT libraries have obliged."),
		check("blob-other-root", "other-root", "packed", chain, Must, "A model that only a BLOB of a stranger lists is refused", "The certificate in the header is the signer's own claim: only the anchor that the RP was given makes it one."),
		check("blob-chain-incomplete", "missing-intermediate", "packed", chain, Must, "A model that only a BLOB without a chain to the root lists is refused", "What cannot be chained to the anchor was not signed by the service, as far as anyone can tell."),
		check("blob-signer-expired", "signer-expired", "packed", chain, Must, "A model that only a BLOB by an expired signer lists is refused", "A key is guarded as long as its certificate lasts."),
		check("blob-signer-revoked", "signer-revoked", "packed", revocation, Must, "A model that only a BLOB by a revoked signer lists is refused", "The key is in other hands; the revocation list is the only word of it."),
		check("blob-intermediate-revoked", "intermediate-revoked", "packed", revocation, Must, "A model that only a BLOB under a revoked intermediate lists is refused", "Under a stolen intermediate anybody can be made a signer."),
	}
}

// everyDevice registers with each device of the fleet that can do what the RP
// demands of authenticators at all, and logs in twice, so that its counter moves.
func everyDevice(c *Case) {
	needsUV := c.Target.Feature("user-verification").Value == "required"
	needsRK := c.Target.Feature("resident-key").Value == "required"
	tried := 0
	for _, d := range fleet.All() {
		if needsUV && !d.UserVerification || needsRK && !d.ResidentKeys {
			c.Note("%s was not tried: it has not what the RP demands of authenticators", d.Name)
			continue
		}
		tried++
		s := Setting{Authenticator: client.AuthenticatorConfig{Device: d.Name}, Algorithm: AnyAlgorithm}
		a := c.Account(d.Name, s.Authenticator)
		c.MustAccept(a.Run(Registration, s, noFault, noWire, true), "a registration with the device "+d.Name)
		for _, which := range []string{"first", "second"} {
			c.MustAccept(a.Run(Authentication, s, noFault, noWire, true), "the "+which+" login with the device "+d.Name)
		}
	}
	if tried == 0 {
		c.NotApplicable(reports.ReasonFeature, "no device of the fleet has what the RP demands of authenticators")
	}
}
