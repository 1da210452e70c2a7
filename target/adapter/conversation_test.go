package adapter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
)

// documented are the lines of docs/adapter.md that show what is exchanged, arrows
// included.
func documented(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("../../docs/adapter.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "→ ") || strings.HasPrefix(line, "← ") {
			out = append(out, line)
		}
	}
	return out
}

// The conversation of docs/adapter.md is one that the harness has with
// examples/adapter/rp.py, line by line: alike but for what is random.
func TestConversation(t *testing.T) {
	var log bytes.Buffer
	p, profile := example(t, python, &log)
	rp, err := target.New(profile, target.Options{URL: "https://adapter.invalid", RPID: "rp.example", Origin: "https://rp.example", Transport: p, Adapter: "rp.py"})
	if err != nil {
		t.Fatal(err)
	}
	page, err := client.NewVirtual().Open(t.Context(), client.SessionConfig{Origin: "https://rp.example", Seed: []byte("document")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := page.Plug(t.Context(), client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true}); err != nil {
		t.Fatal(err)
	}
	s := rp.NewSession(rp.NewUser("alice"))
	finish := func(c *target.Ceremony, response any, want target.OutcomeKind) {
		t.Helper()
		data, err := json.Marshal(response)
		if err != nil {
			t.Fatal(err)
		}
		o, err := c.Finish(t.Context(), data, target.WireFaults{})
		if err != nil || o.Kind != want {
			t.Fatalf("%v, %v; want %s", o, err, want)
		}
	}
	registration, err := s.Begin(t.Context(), target.Registration, target.Request{UserVerification: "required"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := page.Create(t.Context(), registration.Options)
	if err != nil {
		t.Fatal(err)
	}
	finish(registration, made.Response, target.Accepted)
	authentication, err := s.Begin(t.Context(), target.Authentication, target.Request{})
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := page.Get(t.Context(), authentication.Options)
	if err != nil {
		t.Fatal(err)
	}
	finish(authentication, assertion.Response, target.Accepted)
	finish(authentication, assertion.Response, target.Rejected)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://adapter.invalid/assertion/result", strings.NewReader("{\"id\":\"\xff\"}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	p.Close()

	was, want := strings.Split(strings.TrimSpace(log.String()), "\n"), documented(t)
	names := map[string]string{}
	for i, line := range was {
		if i >= len(want) {
			t.Errorf("line %d is not in docs/adapter.md: %s", i+1, abridged(line))
			continue
		}
		if err := alike(want[i], line, names); err != nil {
			t.Errorf("line %d: %v\ndocumented %s\nwas        %s", i+1, err, want[i], abridged(line))
		}
	}
	for i := len(was); i < len(want); i++ {
		t.Errorf("docs/adapter.md has a line that was not exchanged: %s", want[i])
	}
}

// alike compares two lines with arrows. What the document cuts short with … and
// the name of a session may be any text; names maps the document's to the real
// ones: where it has one twice, so must the exchange.
func alike(want, got string, names map[string]string) error {
	if want[:len("→ ")] != got[:len("→ ")] {
		return fmt.Errorf("the direction is another")
	}
	var w, g any
	if err := json.Unmarshal([]byte(want[len("→ "):]), &w); err != nil {
		return fmt.Errorf("documented: %w", err)
	}
	if err := json.Unmarshal([]byte(got[len("→ "):]), &g); err != nil {
		return err
	}
	return same("", "", w, g, names)
}

func same(at, member string, want, got any, names map[string]string) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %T", at, got)
		}
		for k := range g {
			if _, ok := w[k]; !ok {
				return fmt.Errorf("%s/%s is not documented", at, k)
			}
		}
		for k, v := range w {
			if _, ok := g[k]; !ok {
				return fmt.Errorf("%s/%s is documented and not there", at, k)
			}
			if err := same(at+"/"+k, k, v, g[k], names); err != nil {
				return err
			}
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s is %v", at, got)
		}
		for i := range w {
			if err := same(fmt.Sprintf("%s/%d", at, i), member, w[i], g[i], names); err != nil {
				return err
			}
		}
		return nil
	case string:
		g, ok := got.(string)
		if !ok {
			return fmt.Errorf("%s is %T", at, got)
		}
		if member == "body" && strings.HasPrefix(w, "{") {
			var wb, gb any
			if err := json.Unmarshal([]byte(w), &wb); err != nil {
				return fmt.Errorf("documented %s: %w", at, err)
			}
			if err := json.Unmarshal([]byte(g), &gb); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			return same(at, "", wb, gb, names)
		}
		if short := strings.HasSuffix(w, "…"); short || member == "session" {
			if before, seen := names[w]; seen && before != g {
				return fmt.Errorf("%s is another than where the document has %s before", at, w)
			}
			names[w] = g
			if g == "" {
				return fmt.Errorf("%s is empty", at)
			}
			return nil
		}
	}
	if want != got {
		return fmt.Errorf("%s is %v, documented %v", at, got, want)
	}
	return nil
}

// members are names that are long and not random.
var members = map[string]bool{
	"getClientExtensionResults": true, "authenticatorSelection": true, "excludeCredentials": true, "requireResidentKey": true,
	"attestationObject": true, "authenticatorData": true, "allowCredentials": true, "pubKeyCredParams": true,
}

// abridged shortens what is long and random, for pasting into the document.
func abridged(line string) string {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(`"\{}[]:,→← `, r) }) {
		if len(word) > 16 && !members[word] && !strings.ContainsAny(word, " ./'") {
			line = strings.ReplaceAll(line, word, word[:8]+"…")
		}
	}
	return line
}

// What is not alike is told: the comparison can fail at every place.
func TestConversationCanFail(t *testing.T) {
	const want = `→ {"id":2,"op":"x","session":"S","body":"{\"a\":[1],\"challenge\":\"AA…\"}"}`
	for _, got := range []string{
		`← {"id":2,"op":"x","session":"T","body":"{\"a\":[1],\"challenge\":\"BB\"}"}`,
		`→ {"id":3,"op":"x","session":"T","body":"{\"a\":[1],\"challenge\":\"BB\"}"}`,
		`→ {"id":2,"op":"y","session":"T","body":"{\"a\":[1],\"challenge\":\"BB\"}"}`,
		`→ {"id":2,"op":"x","session":"","body":"{\"a\":[1],\"challenge\":\"BB\"}"}`,
		`→ {"id":2,"op":"x","body":"{\"a\":[1],\"challenge\":\"BB\"}"}`,
		`→ {"id":2,"op":"x","session":"T","more":1,"body":"{\"a\":[1],\"challenge\":\"BB\"}"}`,
		`→ {"id":2,"op":"x","session":"T","body":"{\"a\":[2],\"challenge\":\"BB\"}"}`,
		`→ {"id":2,"op":"x","session":"T","body":"{\"a\":[1,1],\"challenge\":\"BB\"}"}`,
		`→ {"id":2,"op":"x","session":"T","body":"{\"a\":[1],\"challenge\":1}"}`,
		`→ {"id":2,"op":"x","session":"T","body":"{"}`,
	} {
		if alike(want, got, map[string]string{}) == nil {
			t.Errorf("taken: %s", got)
		}
	}
	fine := `→ {"id":2,"op":"x","session":"T","body":"{\"a\":[1],\"challenge\":\"BB\"}"}`
	names := map[string]string{}
	if err := alike(want, fine, names); err != nil {
		t.Error(err)
	}
	if alike(want, strings.ReplaceAll(fine, `"T"`, `"U"`), names) == nil {
		t.Error("another session for the same one")
	}
}
