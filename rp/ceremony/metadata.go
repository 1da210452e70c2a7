package ceremony

import (
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
	"github.com/touchstone-webauthn/touchstone/rp/metadata"
)

// lookUp finds the model in the metadata. Its own roots are then the only
// anchors: that another model has a root says nothing of this one
// (https://www.w3.org/TR/webauthn-3/#reg-ceremony-attestation-trust-anchors).
func (r *registration) lookUp() error {
	r.anchors = r.rp.config.Anchors
	var x5c []*x509.Certificate
	if paths := r.attestation.Paths(); len(paths) > 0 {
		x5c = paths[0]
	}
	if r.attestation.Type == attestation.None {
		return nil // nothing vouches for the AAGUID
	}
	if r.model = r.rp.config.Metadata.Lookup(r.ad.aaguid, x5c); r.model != nil {
		r.anchors = attestation.Anchors{Certificates: r.model.Roots}
	}
	return nil
}

// ofSource puts a question to the BLOB that lists the model, where policy wants trust.
func ofSource(question func(*metadata.Source) error) func(*registration) error {
	return func(r *registration) error {
		if r.model == nil || !r.policy().RequireTrust {
			return nil
		}
		if err := question(r.model.Source); err != nil {
			return fmt.Errorf("the metadata of %s are of no use: %w", r.model.Description, err)
		}
		return nil
	}
}

func (r *registration) checkStatus() error {
	if r.model != nil && r.policy().RequireTrust && r.model.Undesired() {
		return fmt.Errorf("metadata report %s of the model %s", r.model.Status, r.model.Description)
	}
	return nil
}

// metadataAlgorithms are the names of COSE algorithms in metadata statements;
// what has none, such as ML-DSA, cannot be compared.
var metadataAlgorithms = map[int64][]string{
	-7: {"secp256r1_ecdsa_sha256_raw", "secp256r1_ecdsa_sha256_der"}, -35: {"secp384r1_ecdsa_sha384_raw"}, -36: {"secp521r1_ecdsa_sha512_raw"},
	-47: {"secp256k1_ecdsa_sha256_raw", "secp256k1_ecdsa_sha256_der"}, -8: {"ed25519_eddsa_sha512_raw"},
	-257: {"rsassa_pkcsv15_sha256_raw", "rsassa_pkcsv15_sha256_der"}, -258: {"rsassa_pkcsv15_sha384_raw"}, -259: {"rsassa_pkcsv15_sha512_raw"},
	-37: {"rsassa_pss_sha256_raw", "rsassa_pss_sha256_der"}, -38: {"rsassa_pss_sha384_raw"}, -39: {"rsassa_pss_sha512_raw"},
}

func (r *registration) checkMetadataAlgorithm() error {
	if r.model == nil || !r.policy().RequireTrust || len(r.model.Algorithms) == 0 {
		return nil
	}
	names := metadataAlgorithms[r.key.Algorithm]
	if len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(r.model.Algorithms, n) }) {
		return fmt.Errorf("the credential is for %s, metadata of the model %s list %v", cose.AlgorithmName(r.key.Algorithm), r.model.Description, r.model.Algorithms)
	}
	return nil
}

// metadataTypes are the attestation types by the FIDO Registry of Predefined Values §3.7.
var metadataTypes = map[attestation.Type][]string{
	attestation.Self: {"basic_surrogate"}, attestation.Basic: {"basic_full", "attca"}, attestation.AttCA: {"attca", "basic_full"}, attestation.AnonCA: {"anonca"},
}

// checkMetadataType: self attestation proves possession of its own key alone, so
// that anybody can name a model with it; only metadata that list it make it this model's.
func (r *registration) checkMetadataType() error {
	if r.model == nil || !r.policy().RequireTrust {
		return nil
	}
	types := metadataTypes[r.attestation.Type]
	if len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return slices.Contains(r.model.Types, t) }) {
		return fmt.Errorf("the attestation is of type %s, metadata of the model %s list %v", r.attestation.Type, r.model.Description, r.model.Types)
	}
	return nil
}
