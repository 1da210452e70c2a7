package ceremony

import (
	"slices"
	"strings"
)

// skips are the bugs that leave a step out: one for each step that judges, but
// for those that Unnoticeable names.
func skips() []deviation {
	records := map[string][]string{
		"7.2.21":                  {"CVE-2026-0723", "CVE-2026-126952", "cedarjs/cedar#2545"},
		"7.2.22":                  {"zeroclaw#9781"},
		"7.2.24.1":                {"CVE-2023-45669", "GHSA-v9hx-v6vf-g36j"},
		"7.1.15":                  {"CVE-2021-38299", "GHSA-6whf-q6p5-84wg"},
		"7.2.16":                  {"CVE-2021-38299", "GHSA-6whf-q6p5-84wg"},
		"7.1.16":                  {"CVE-2026-115828", "CVE-2026-8830"},
		"7.2.17":                  {"CVE-2020-8236", "CVE-2026-115828"},
		"7.1.17":                  {"lbuchs/WebAuthn#128"},
		"7.2.18":                  {"lbuchs/WebAuthn#129"},
		"7.1.8":                   {"nuxt-auth-utils documentation"},
		"7.1.8.single-use":        {"CVE-2022-42731"},
		"7.2.11":                  {"risa-labs-inc/BossConsole#35"},
		"7.2.11.single-use":       {"CVE-2025-53102", "GHSA-hv49-93h5-4wcv"},
		"7.1.10":                  {"SimpleWebAuthn#613"},
		"7.2.13":                  {"SimpleWebAuthn#613"},
		"7.1.20":                  {"CVE-2026-8830", "Eventra#19121"},
		"7.1.26":                  {"tempoxyz/accounts#460"},
		"7.2.6.known-handle":      {"cedarcode/webauthn-rails#103", "JanssenProject/jans#14382"},
		"7.2.6.discovered-owner":  {"CVE-2026-46419"},
		"7.2.3.raw-id":            {"JanssenProject/jans#14383"},
		"7.1.24.own-root":         {"GHSA-6hxq-p678-4hr2"},
		"7.1.24.none":             {"CVE-2025-12150"},
		"7.1.24.self":             {"CVE-2026-6856"},
		"7.1.24.attestation-type": {"CVE-2026-6856"},
		"7.2.15":                  {"Eventra#19121"},
		"7.1.13.duplicate-keys":   {"CVE-2024-21909"},
		"7.1.22":                  {"CVE-2025-12150"},
		"7.2.19.2":                {"go-webauthn#240"},
		"7.2.6.discovered-handle": {"CVE-2025-26788"},
		"7.1.13.extension-data":   {"CVE-2022-27240"},
		"7.1.13.credential-id":    {"JanssenProject/jans#14383"},
	}
	var all []deviation
	first := map[string]string{} // by what a step of §8 is called behind its section
	for _, s := range Steps() {
		if !s.Check || Unnoticeable(s.Name) != "" {
			continue
		}
		d := deviation{Bug: Bug{
			Name: "skips-" + s.Name, Title: "does not ask whether " + s.Title, Class: skipClass(s.Name), Requirement: StepRequirement(s),
			Severity: skipSeverity(s.Name), ModelledOn: records[s.Name], Policy: skipPolicy(s.Name), Set: skipSet(s.Name),
		}, leaveOut: []string{s.Name}}
		if row := metadataRows[s.Name]; row != "" {
			d.Requirement = row
		}
		if s.Name == "7.1.20" {
			// fido offers all that the RP verifies; nevis two algorithms.
			d.SeenIn = "nevis"
		}
		if section, name, _ := cutLast(s.Name); strings.HasPrefix(section, "8.") {
			if d.Like = first[name]; d.Like == "" {
				first[name] = d.Name
			}
		}
		all = append(all, d.and(skipAlso[s.Name]...))
	}
	return all
}

// metadataRows are the ledger's rows of the steps that are about metadata.
var metadataRows = map[string]string{
	"7.1.23.metadata-signature": "mds-3/3.2/signature", "7.1.23.metadata-chain": "mds-3/3.2/chain", "7.1.23.metadata-revoked": "mds-3/3.2/revocation",
	"7.1.24.status": "mds-3/3.1.4/revoked", "7.1.24.attestation-type": "mds-3/statement-4/attestation-types",
	"7.1.24.algorithm": "mds-3/statement-4/algorithms",
}

// skipAlso are rows of other requirement sets that a left-out step breaks, too.
var skipAlso = map[string][]string{
	"7.1.15": {"webauthn-2/7.1/step-14"},
	"7.1.24": {"fido-server/full-chain"},
	"7.2.22": {"fido-server/counter"},
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	return s[:max(i, 0)], s[i+1:], i >= 0
}

// skipPolicy is what the RP must have decided for a step to do anything.
func skipPolicy(step string) Policy {
	switch {
	case step == "7.2.22", step == "7.2.24.1":
		return Policy{RejectCounterRegression: true}
	case step == "7.1.24.none":
		return Policy{RefuseNone: true}
	case step == "7.1.24.self":
		return Policy{RefuseSelf: true}
	}
	return Policy{}
}

// skipSet is the requirement set that has the step at all.
func skipSet(step string) string {
	switch step {
	case "7.1.6.token-binding", "7.2.9.token-binding", "7.1.24.anchor-in-chain", "8.6.zero-aaguid":
		return fidoServerSet
	case "7.1.6.token-binding-state", "7.2.9.token-binding-state":
		return level2Set
	}
	return ""
}

func skipClass(step string) string {
	switch {
	case strings.HasPrefix(step, "7.1.8"), strings.HasPrefix(step, "7.2.11"):
		return "challenge"
	case step == "7.1.9", step == "7.2.12", strings.HasPrefix(step, "7.1.10"), strings.HasPrefix(step, "7.2.13"):
		return "origin"
	case strings.HasPrefix(step, "7.1.20"):
		return "key"
	case strings.HasPrefix(step, "7.1.13"), strings.HasPrefix(step, "7.2.7"):
		return "encoding"
	case step == "7.1.14", strings.HasPrefix(step, "7.2.15"):
		return "rp-id"
	case strings.HasPrefix(step, "8"), strings.HasPrefix(step, "7.1.21"), strings.HasPrefix(step, "7.1.22"), strings.HasPrefix(step, "7.1.23"), strings.HasPrefix(step, "7.1.24"):
		return "attestation"
	case step == "7.2.21":
		return "signature"
	case strings.HasPrefix(step, "7.2.22"), step == "7.2.24.1":
		return "counter"
	case step == "7.1.15", step == "7.2.16", step == "7.1.16", step == "7.2.17":
		return "user"
	case strings.HasPrefix(step, "7.1.17"), strings.HasPrefix(step, "7.2.18"), strings.HasPrefix(step, "7.2.19"):
		return "backup"
	case strings.HasPrefix(step, "7.2.6"), step == "7.2.5", step == "7.1.26", strings.HasSuffix(step, "raw-id"):
		return "binding"
	}
	return "client-data"
}

func skipSeverity(step string) string {
	switch skipClass(step) {
	case "signature", "challenge", "binding":
		return "critical"
	case "origin", "rp-id", "user", "key":
		return "high"
	case "encoding", "counter", "backup":
		return "low"
	}
	return "medium"
}

// Unnoticeable says why nobody can tell over the wire that a step is left out
// alone, or why no check of the suite does; empty for steps that some check must
// notice.
func Unnoticeable(step string) string {
	for _, e := range []struct{ prefix, why string }{
		{"7.1.3.id", "an id that is not base64url is no credential's id either, which 7.1.13.credential-id notices"},
		{"7.2.3.id", "an id that is not base64url is in no allow list, which 7.2.5 notices"},
		{"7.1.6.duplicates", "the RP reads the second member, whose value its own step refuses"},
		{"7.2.9.duplicates", "the RP reads the second member, whose value its own step refuses"},
		{"7.1.11.", "11.1 and 11.2 refuse the same topOrigin where framing is not expected"},
		{"7.2.14.", "14.1 and 14.2 refuse the same topOrigin where framing is not expected"},
		{"7.1.13.nesting", "a statement of nested arrays does not fit its format either"},
		{"7.1.20.algorithm", "a key without alg is none of those offered either"},
		{"7.1.20.supported", "what cannot be verified is not offered either"},
		{"7.1.28", "a policy that the reference RP does not have by itself"},
		{"7.2.5", "7.2.6 notices the same: the credential is not the account's"},
		{"7.2.6.known-owner", "7.2.5 notices the same: the credential is in no allow list of the account"},
		{"7.2.7.", "checks of canonical CBOR look at registrations"},
		{"7.2.23", "a policy that the reference RP does not have by itself"},
		{"7.2.24.2", "the stored backup state shows nowhere on the wire"},
		{"7.1.24.order", "builders of paths may take the certificates behind the leaf in any order"},
		{"7.1.24.critical", "8.2.1.aaguid-critical refuses the same certificate"},
		{"8.2.1.aaguid-critical", "7.1.24.critical refuses the same certificate"},
		{"8.2.1.version", "certificates of version 1 have no extensions: a leaf without them fails 8.2.1.basic-constraints"},
		{"8.2.1.serial", "a demand on makers of authenticators: no check makes a certificate with a device's serial number"},
		{"8.3.1.version", "certificates of version 1 have no extensions: a leaf without them fails the other steps of 8.3.1"},
		{"8.3.syntax", "a statement of the wrong shape does not verify either"},
		{"8.4.syntax", "a statement of the wrong shape does not verify either"},
		{"8.5.syntax", "a statement of the wrong shape does not verify either"},
		{"8.5.timestamp", "freshness is asked for by the service's documentation, and no check waits"},
		{"8.8.syntax", "a statement of the wrong shape does not verify either"},
		{"8.9.not-nested", "7.1.13.nesting refuses the same: one statement within another is too deep for CTAP2 CBOR"},
		{"8.9.syntax", "a statement of the wrong shape does not verify either"},
		{"8.2.syntax", "a statement of the wrong shape does not verify either"},
		{"8.6.syntax", "a statement of the wrong shape does not verify either"},
		{"8.6.public-key", "the COSE key's own steps refuse short coordinates first"},
	} {
		if slices.Contains([]string{"7.1.28.cred-protect", "7.2.7.no-attested-data", "7.2.7.extension-data", "7.2.7.length"}, step) {
			break // unlike the step that it is a part of
		}
		if step == e.prefix || strings.HasPrefix(step, e.prefix+".") || strings.HasSuffix(e.prefix, ".") && strings.HasPrefix(step, e.prefix) {
			return e.why
		}
	}
	return ""
}
