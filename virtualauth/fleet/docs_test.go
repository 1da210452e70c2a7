package fleet_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

var update = flag.Bool("update", false, "write docs/fleet.md anew")

const intro = `# The device fleet

Authenticators as people have them, for trying a Relying Party on one after the other. They are modelled on kinds of
device, not on products; names, AAGUIDs and certificates are this project's own, and are to be trusted in tests only.

` + "```go" + `
d, err := fleet.Lookup("security-key")
a, err := d.New([]byte("seed")) // a *virtualauth.Authenticator; d.Config(seed) where something should differ
r, err := client.Create(ctx, a, options, virtualauth.Faults{})
` + "```" + `

An AAGUID here is "touchstone-flt" and two digits in ASCII, which is no UUID that a vendor can have been given. Their certificates
end at ` + "`virtualauth.Roots()`" + `, and ` + "`virtualauth/mds`" + ` makes a signed metadata BLOB in which every device that has a certification status has its entry.

This page is written by ` + "`go test ./virtualauth/fleet -update`" + `.
`

// render renders the documentation from the profiles.
func render() string {
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	var w strings.Builder
	w.WriteString(intro)
	w.WriteString("\n| Device | Attestation | Algorithms | Transports | User verification | Discoverable | BE, BS | Counter |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, d := range fleet.All() {
		fmt.Fprintf(&w, "| [%s](#%s) | %s | %s | %s | %s | %s | %s, %s | %s |\n", d.Name, d.Name, strings.Join(d.Formats, ", "), algorithms(d),
			transports(d), yes(d.UserVerification), yes(d.ResidentKeys), yes(d.BackupEligible), yes(d.BackupState), policy(d.Counter))
	}
	for _, d := range fleet.All() {
		fmt.Fprintf(&w, "\n## %s\n\n%s\n\n", d.Name, d.Description)
		protocol, model := "CTAP2", "`"+d.AAGUID.String()+"`"
		if d.Protocol == virtualauth.U2F {
			protocol, model = "U2F", "none"
		}
		enterprise := "no"
		if d.SerialNumber != "" {
			enterprise = "as `" + d.SerialNumber + "`, to those that the client's policy permits"
		}
		certification := "not listed"
		if d.Certification != "" {
			certification = "`" + d.Certification + "`"
		}
		for _, row := range [][2]string{
			{"AAGUID", model},
			{"Protocol and firmware", fmt.Sprintf("%s, %d", protocol, d.Firmware)},
			{"Attachment", d.Attachment},
			{"Credential ids", fmt.Sprintf("%d bytes", d.CredentialIDLength)},
			{"Enterprise attestation", enterprise},
			{"Verifies the user by", strings.Join(d.Verification, ", ")},
			{"Keys and matcher kept in", strings.Join(d.KeyProtection, ", ") + "; " + strings.Join(d.MatcherProtection, ", ")},
			{"Extensions", extensions(d.Extensions)},
			{"Metadata", certification},
		} {
			fmt.Fprintf(&w, "- %s: %s\n", row[0], row[1])
		}
		if len(d.Quirks) > 0 {
			w.WriteString("\nQuirks:\n\n")
		}
		for _, q := range d.Quirks {
			fmt.Fprintf(&w, "- %s\n", q)
		}
	}
	return w.String()
}

func algorithms(d fleet.Device) string {
	var names []string
	for _, alg := range d.Algorithms {
		names = append(names, virtualauth.AlgorithmName(alg))
	}
	return strings.Join(names, ", ")
}

func transports(d fleet.Device) string {
	if len(d.Transports) == 0 {
		return "none reported"
	}
	return strings.Join(d.Transports, ", ")
}

func policy(c virtualauth.Counter) string {
	s := fmt.Sprintf("from %d, +%d", c.Start, max(1, c.Step))
	switch c.Mode {
	case virtualauth.CounterZero:
		return "always 0"
	case virtualauth.CounterGlobal:
		return s + ", one for all credentials"
	}
	return s
}

func extensions(e virtualauth.ExtensionSupport) string {
	var names []string
	for _, x := range []struct {
		name string
		has  bool
	}{
		{"credProtect", e.CredProtect}, {"hmac-secret", e.HMACSecret}, {"largeBlob", e.LargeBlob},
		{"credBlob", e.CredBlob}, {"minPinLength", e.MinPINLength > 0}, {"uvm", e.UVM},
	} {
		if x.has {
			names = append(names, x.name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// TestDocs: docs/fleet.md is what the profiles say, every device included.
func TestDocs(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "fleet.md")
	want := render()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(got), "\n")
	for _, device := range fleet.Names() {
		if !slices.Contains(lines, "## "+device) {
			t.Errorf("docs/fleet.md has no section %s", device)
		}
	}
	if string(got) != want {
		t.Error("docs/fleet.md is not what the profiles say: run go test ./virtualauth/fleet -update")
	}
}
