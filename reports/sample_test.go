package reports

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// hostile is what a Relying Party that means harm puts into an answer: markup,
// template syntax, terminal controls, XML's forbidden characters, bidirectional
// overrides, Markdown, bytes that are not UTF-8.
const hostile = "</pre></script><script>window.pwned=1</script><img src=x onerror=window.pwned=2>\"'`{{.}}" +
	" \x1b[2J\x1b]0;owned\x07 \x00\x08\x0b\ufffe \u202etxt.exe ]]> &amp; | @everyone ![x](http://evil.test/p.png) ``` \xff\xfe\r\nSet-Cookie: x=1"

// attestation returns an attestation object with self-made but true structure.
func attestation(t testing.TB) []byte {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	certificate := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Sample Attestation", Country: []string{"SE"}},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(nil, &certificate, &certificate, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	object, err := ctap2.Marshal(map[string]any{
		"fmt":      "packed",
		"attStmt":  map[string]any{"alg": -7, "sig": []byte{0x30, 0x01, 0x02}, "x5c": [][]byte{der}},
		"authData": authData(t, 0x45),
	})
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// authData returns authenticator data with attested credential data, and what the flags ask for.
func authData(t testing.TB, flags byte) []byte {
	t.Helper()
	hash := sha256.Sum256([]byte("rp.example"))
	out := append(hash[:], flags, 0, 0, 0, 7)
	if flags&0x40 != 0 {
		out = append(out, make([]byte, 16)...)
		out = append(out, 0, 4, 1, 2, 3, 4)
		key, err := ctap2.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, key...)
	}
	if flags&0x80 != 0 {
		extensions, err := cbor.Marshal(map[string]any{"credProtect": 2})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, extensions...)
	}
	return out
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// registrationBody returns the body of a registration's result.
func registrationBody(t testing.TB, clientDataType string) []byte {
	t.Helper()
	client := fmt.Sprintf(`{"type":%q,"challenge":"AAECAwQFBgcICQ","origin":"https://rp.example","crossOrigin":false}`, clientDataType)
	body, err := json.Marshal(map[string]any{
		"id": "AQIDBA", "rawId": "AQIDBA", "type": "public-key",
		"response": map[string]any{"clientDataJSON": b64([]byte(client)), "attestationObject": b64(attestation(t))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func exchange(t testing.TB, step, url string, request []byte, status int, response string) Exchange {
	t.Helper()
	e := Exchange{
		Step: step, Method: "POST", URL: url, Status: status, DurationMs: 4,
		RequestHeaders:  map[string][]string{"Content-Type": {"application/json"}, "Cookie": {"[redacted]"}},
		ResponseHeaders: map[string][]string{"Content-Type": {"application/json"}},
	}
	e.SetRequestBody(request)
	e.SetResponseBody([]byte(response))
	e.Decode()
	return e
}

// sample is one rich report: four targets, two clients, every verdict, hostile
// text, a baseline, checks that do not score, one cause with many victims.
func sample(t testing.TB) *Report {
	t.Helper()
	r := &Report{
		SchemaVersion: SchemaVersion,
		Suite: Suite{
			Version: "0.1.0", Digest: "sha256:5f2b0c9a7e1d44c2b6a8f0e3d9175c6b2a4e8f7d1c3b5a69788796a5b4c3d2e1",
			Set: "webauthn-3@2026-05", Seed: "7f3a91c2",
		},
		Started:     time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC),
		Command:     "touchstone run --client virtual --client chrome --seed 7f3a91c2",
		Environment: map[string]string{"go": "go1.26.8", "os": "linux/amd64"},
		Clients:     []Client{{"virtual", "0.1.0"}, {"chrome", "156.0.8078.79"}},
		Notes:       []string{"the RP's clock is 3 s ahead of ours"},
		Requirements: map[string]Requirement{
			"webauthn-3/reg-type":      {"https://www.w3.org/TR/webauthn-3/#rp-op-registering-a-new-credential-step-type", "§7.1 step 7: type is webauthn.create"},
			"webauthn-3/reg-challenge": {"https://www.w3.org/TR/webauthn-3/#rp-op-registering-a-new-credential-step-challenge", "§7.1 step 8: the challenge is the one that was sent"},
			"webauthn-3/auth-sig":      {"https://www.w3.org/TR/webauthn-3/#rp-op-verifying-assertion-step-signature", "§7.2 step 21: the signature verifies"},
			"webauthn-3/auth-count":    {"https://www.w3.org/TR/webauthn-3/#rp-op-verifying-assertion-step-sign-count", "§7.2 step 22: the counter goes up"},
			"touchstone/answers":       {"javascript:alert(document.domain)", "an RP always answers"},
		},
	}
	for _, d := range []string{"fido", "fortanix", "dfns", "nevis"} {
		r.Targets = append(r.Targets, Target{Name: d, URL: "https://rp.example/" + d, Dialect: d, RPID: "rp.example", Origin: "https://rp.example"})
	}
	r.Health = []Health{
		{Target: "fido", Client: "virtual", When: "first", OK: true, DurationMs: 9},
		{Target: "nevis", Client: "chrome", When: "last", OK: false, Message: "the RP refused a plain registration: 503", DurationMs: 30},
	}
	order := 0
	for _, row := range sampleRows(t) {
		order++
		for _, target := range r.Targets {
			for _, client := range r.Clients {
				c := row.check
				c.Order = order
				c.Target, c.Dialect, c.Client = target.Name, target.Dialect, client.Name
				c.Verdict = Pass
				c.DurationMs = int64(order + 2)
				c.Rerun = fmt.Sprintf("touchstone run --dialect %s --client %s --check %s --seed %s", c.Dialect, c.Client, c.ID, r.Suite.Seed)
				c.Exchanges = []Exchange{}
				if row.outcome != nil {
					row.outcome(&c)
				}
				r.Checks = append(r.Checks, c)
			}
		}
	}
	r.Summary.DurationMs = 12_345
	b := &Baseline{File: "accepted.yaml", Entries: []BaselineEntry{
		{ID: "authentication.counter.goes-back", Dialect: "nevis", Verdict: Fail, Reason: "counters come with release 4 (RP-118)"},
		{ID: "registration.challenge.used-twice", Dialect: "fido", Client: "virtual", Verdict: Fail, Reason: "known since March"},
		{ID: "u2f.*", Verdict: Fail, Reason: "no longer offered"},
	}}
	return b.Apply(r)
}

type sampleRow struct {
	check   Check
	outcome func(*Check)
}

func sampleRows(t testing.TB) []sampleRow {
	begin := func(c *Check) Exchange {
		return exchange(t, "registration.begin", "https://rp.example/"+c.Target+"/attestation/options", []byte(`{"username":"ada"}`), 200,
			`{"status":"ok","challenge":"AAECAwQFBgcICQ","rp":{"id":"rp.example","name":"Example"}}`)
	}
	finish := func(c *Check, kind string, status int, answer string) Exchange {
		return exchange(t, "registration.finish", "https://rp.example/"+c.Target+"/attestation/result", registrationBody(t, kind), status, answer)
	}
	return []sampleRow{
		{Check{ID: "registration.plain", Title: "A plain registration is accepted", Level: Must, Requirements: []string{"webauthn-3/reg-type"}}, nil},
		{Check{
			ID: "registration.client-data.type-is-get", Title: "A registration whose client data says webauthn.get is refused", Level: Must,
			Requirements: []string{"webauthn-3/reg-type"}, Faults: []string{"client-data-type-get"}, Hint: "compare type before anything else in the client data", Mend: "Compare type as a string, byte for byte, with webauthn.create.", Guards: "Challenges are not compared. A recorded response is a password.", Records: []string{"CVE-2022-42731, django-mfa2: a registration's challenge served again"},
			Aliases: []string{"registration.client-data.type"},
		}, func(c *Check) {
			c.Verdict, c.Reason, c.Message = Fail, ReasonAccepted, "the RP accepted the registration; the specification says to abort it"
			c.Exchanges = []Exchange{begin(c), finish(c, "webauthn.get", 200, `{"status":"ok","errorMessage":""}`)}
			if c.Client == "chrome" {
				c.Evidence = []Evidence{
					{Kind: EvidenceConsole, MediaType: "text/plain", Text: "09:30:01.250 console: warning " + hostile},
					{Kind: EvidenceScreenshot, MediaType: "image/png", Data: []byte("\x89PNG\r\n")},
					{Kind: EvidenceScreenshot, Note: "no picture could be taken: the tab crashed"},
				}
			}
		}},
		{Check{
			ID: "registration.challenge.other", Title: "A registration over another challenge is refused", Level: Must,
			Requirements: []string{"webauthn-3/reg-challenge"}, Faults: []string{"client-data-challenge-other"},
		}, func(c *Check) {
			if c.Dialect == "dfns" || c.Dialect == "fido" && c.Client == "virtual" {
				c.Verdict, c.Reason, c.Message = Fail, ReasonCrash, "the RP's answer is no answer of its protocol: an HTML page with status 502"
				if c.Dialect == "dfns" {
					c.Message = "the RP's answer is no answer of its protocol: it said " + hostile
				}
				c.Requirements = append(c.Requirements, "touchstone/answers")
				c.Exchanges = []Exchange{begin(c), finish(c, "webauthn.create", 502, "<html><body>"+hostile+"</body></html>")}
			}
		}},
		{Check{
			ID: "registration.challenge.used-twice", Title: "A challenge that was used once is refused", Level: Must, Requirements: []string{"webauthn-3/reg-challenge"},
		}, nil},
		{Check{
			ID: "registration.client-data.extra-member", Title: "Client data with a member of tomorrow is accepted", Level: Must, Requirements: []string{"webauthn-3/reg-type"},
		}, func(c *Check) {
			if c.Dialect == "fortanix" && c.Client == "virtual" {
				c.Verdict, c.Reason, c.Message = Error, ReasonHarness, "cannot encode the client data: json: unsupported value"
			}
		}},
		{Check{
			ID: "registration.attestation.tpm-signature", Title: "A tpm attestation with a wrong signature is refused", Level: Must, Faults: []string{"attestation-signature-bit-flip"},
		}, func(c *Check) { notTestable(c) }},
		{Check{
			ID: "registration.attestation.tpm-magic", Title: "A tpm attestation with a wrong magic is refused", Level: Must, Faults: []string{"tpm-magic"},
		}, func(c *Check) { notTestable(c) }},
		{Check{
			ID: "registration.attestation.apple-nonce", Title: "An apple attestation over another nonce is refused", Level: Must,
		}, func(c *Check) {
			c.Verdict, c.Reason, c.Message = NotApplicable, ReasonTrust, "the profile says that the RP trusts Apple's own root only"
		}},
		{Check{ID: "authentication.plain", Title: "A plain authentication is accepted", Level: Must, Requirements: []string{"webauthn-3/auth-sig"}}, nil},
		{Check{
			ID: "authentication.signature.bit-flip", Title: "An assertion with a wrong signature is refused", Level: Must,
			Requirements: []string{"webauthn-3/auth-sig"}, Faults: []string{"signature-bit-flip"},
		}, func(c *Check) {
			if c.Client == "chrome" {
				c.Verdict, c.Reason, c.Message = NotApplicable, ReasonClient, "chrome cannot export this key"
			}
			if c.Dialect == "nevis" && c.Client == "virtual" {
				c.Verdict, c.Reason, c.Message = Fail, ReasonTimeout, "the RP did not answer in 10 s"
				c.Exchanges = []Exchange{{
					Step: "authentication.finish", Method: "POST", URL: "https://rp.example/nevis/assertion/result",
					RequestBody: "AP/+", RequestEncoding: "base64", Note: "context deadline exceeded", DurationMs: 10_000,
				}}
			}
		}},
		{Check{
			ID: "authentication.counter.goes-back", Title: "A counter that goes back is noticed", Level: Should, Requirements: []string{"webauthn-3/auth-count"},
		}, func(c *Check) {
			switch c.Dialect {
			case "nevis":
				c.Verdict, c.Reason, c.Message = Fail, ReasonAccepted, "the RP accepted a counter of 3 after 7"
			case "fido", "dfns":
				c.Verdict, c.Reason, c.Message = Warn, ReasonAccepted, "the RP accepted a counter of 3 after 7; it may, but should treat it as a risk"
				c.Notes = []string{"the RP answers 200 where it could ask for another factor"}
			}
		}},
		{Check{
			ID: "posture.server-error", Title: "A refusal is not a server error", Level: Posture, Requirements: []string{"touchstone/answers"},
		}, func(c *Check) {
			if c.Dialect == "fortanix" {
				c.Verdict, c.Message, c.Unscored = Warn, "refusals come with status 500", "added after webauthn-3@2026-05"
			}
		}},
	}
}

func notTestable(c *Check) {
	if c.Dialect == "nevis" {
		c.Verdict, c.Reason, c.Message = NotTestable, ReasonTwin, "the valid twin, a tpm attestation, was refused with 400 \"unsupported format\""
		c.Hint = "declare in the profile that the RP does not take tpm, or let it trust our root"
	}
}
