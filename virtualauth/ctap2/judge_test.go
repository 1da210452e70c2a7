package ctap2

import (
	"bufio"
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// TestJudgedByPythonFIDO2: an independent CTAP client, python-fido2, makes
// credentials, signs, sets PINs under both protocols, derives secrets and manages
// credentials on the device, and registers and authenticates by U2F.
func TestJudgedByPythonFIDO2(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which is the one that python3-fido2 is installed for
	if out, err := exec.Command(python, "-c", "import fido2.ctap2.credman, fido2.ctap2.extensions").CombinedOutput(); err != nil {
		t.Skipf("optional: python3-fido2 is not installed (apt-get install python3-fido2): %v %s", err, strings.TrimSpace(string(out)))
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/judge.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := newClock()
	d := New(authenticator(t, virtualauth.Config{ResidentKeys: true, AlwaysAttest: true, Clock: c.time,
		Extensions: virtualauth.ExtensionSupport{CredProtect: true, HMACSecret: true}}))
	lines := bufio.NewScanner(out)
	done, exchanges := false, 0
	for lines.Scan() {
		kind, text, _ := strings.Cut(lines.Text(), " ")
		message, err := hex.DecodeString(text)
		if err != nil {
			t.Errorf("%q is not hexadecimal", text)
		}
		var answer []byte
		switch kind {
		case "cbor":
			answer = d.Command(message)
		case "apdu":
			answer = d.APDU(message)
		case "done":
			done = true
			continue
		default:
			t.Errorf("the judge says %q", lines.Text())
		}
		exchanges++
		if _, err := in.Write([]byte(hex.EncodeToString(answer) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil || !done {
		t.Errorf("the judge ended after %d exchanges, done %t: %v", exchanges, done, err)
	}
}
