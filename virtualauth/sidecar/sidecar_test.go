package sidecar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/sidecar"
)

const creation = `{"rp":{"id":"rp.example","name":"RP"},"user":{"id":"dXNlcg","name":"ada","displayName":"Ada"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}],"attestation":"direct"}`

func request(id string) string {
	return fmt.Sprintf(`{"challenge":"AQEBAQEBAQEBAQEBAQEBAQ","rpId":"rp.example","allowCredentials":[{"type":"public-key","id":%q}]}`, id)
}

type answer struct {
	Authenticator string            `json:"authenticator"`
	Snapshot      string            `json:"snapshot"`
	Credentials   []json.RawMessage `json:"credentials"`
	Response      struct {
		ID       string `json:"id"`
		Response struct {
			AuthenticatorData []byte `json:"-"`
			Signature         string `json:"signature"`
			AuthData          string `json:"authenticatorData"`
		} `json:"response"`
	} `json:"response"`
	Error *sidecar.Failure `json:"error"`
}

// caller posts calls to a server.
func caller(t *testing.T, url string) func(method, params string) (int, answer) {
	return func(method, params string) (int, answer) {
		t.Helper()
		res, err := http.Post(url+"/"+method, "application/json", strings.NewReader(params))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var a answer
		body, _ := io.ReadAll(res.Body)
		if body[0] == '{' {
			if err := json.Unmarshal(body, &a); err != nil {
				t.Fatalf("%s: %v in %s", method, err, body)
			}
		}
		return res.StatusCode, a
	}
}

func serve(t *testing.T) string {
	s := httptest.NewServer(sidecar.NewEngine().Handler())
	t.Cleanup(s.Close)
	return s.URL
}

// count is the signature counter in authenticator data.
func count(t *testing.T, a answer) uint32 {
	t.Helper()
	var text struct {
		B []byte
	}
	padded := strings.NewReplacer("-", "+", "_", "/").Replace(a.Response.Response.AuthData)
	for len(padded)%4 != 0 {
		padded += "="
	}
	if err := json.Unmarshal([]byte(`{"B":"`+padded+`"}`), &text); err != nil || len(text.B) < 37 {
		t.Fatalf("authenticator data: %v, %d bytes", err, len(text.B))
	}
	return uint32(text.B[33])<<24 | uint32(text.B[34])<<16 | uint32(text.B[35])<<8 | uint32(text.B[36])
}

func TestVerbs(t *testing.T) {
	call := caller(t, serve(t))
	_, a := call("new", `{"seed":"0011"}`)
	on := fmt.Sprintf(`"authenticator":%q,"origin":"https://rp.example"`, a.Authenticator)
	code, made := call("create", `{`+on+`,"options":{"publicKey":`+creation+`}}`)
	if code != 200 || made.Response.ID == "" {
		t.Fatalf("create: %d %+v", code, made.Error)
	}
	login := func(name, more string) (int, answer) {
		return call("get", fmt.Sprintf(`{"authenticator":%q,"origin":"https://rp.example","options":%s%s}`, name, request(made.Response.ID), more))
	}
	_, first := login(a.Authenticator, "")
	if n := count(t, first); n != 1 {
		t.Errorf("the counter is %d after one login", n)
	}
	_, saved := call("snapshot", fmt.Sprintf(`{"authenticator":%q}`, a.Authenticator))
	_, copied := call("clone", fmt.Sprintf(`{"authenticator":%q}`, a.Authenticator))
	login(a.Authenticator, "")
	login(a.Authenticator, "")
	if _, again := login(copied.Authenticator, ""); count(t, again) != 2 {
		t.Error("the clone counts with the original")
	}
	if code, r := call("restore", fmt.Sprintf(`{"authenticator":%q,"snapshot":%q}`, a.Authenticator, saved.Snapshot)); code != 200 {
		t.Fatalf("restore: %+v", r.Error)
	}
	if _, again := login(a.Authenticator, ""); count(t, again) != 2 {
		t.Error("the restored authenticator remembers")
	}
	if code, r := call("update", fmt.Sprintf(`{"authenticator":%q,"id":%q,"signCount":4294967295}`, a.Authenticator, made.Response.ID)); code != 200 {
		t.Fatalf("update: %+v", r.Error)
	}
	if _, again := login(a.Authenticator, ""); count(t, again) != 0 {
		t.Error("the counter does not wrap")
	}
	code, broken := login(copied.Authenticator, `,"faults":["signature-bit-flip"]`)
	if code != 200 || broken.Response.Response.Signature == "" {
		t.Errorf("a fault: %d %+v", code, broken.Error)
	}
	// Excluded: the name that a page would see.
	if code, r := call("create", `{`+on+`,"options":`+strings.TrimSuffix(creation, "}")+`,"excludeCredentials":[{"type":"public-key","id":"`+made.Response.ID+`"}]}}`); code != 422 || r.Error.Name != "InvalidStateError" {
		t.Errorf("an excluded credential: %d %+v", code, r.Error)
	}
	for _, form := range []string{"native", "chrome", "virtualwebauthn"} {
		_, list := call("credentials", fmt.Sprintf(`{"authenticator":%q,"form":%q}`, a.Authenticator, form))
		if len(list.Credentials) != 1 {
			t.Fatalf("%s: %d credentials", form, len(list.Credentials))
		}
		_, other := call("new", `{}`)
		if code, r := call("import", fmt.Sprintf(`{"authenticator":%q,"form":%q,"credential":%s}`, other.Authenticator, form, list.Credentials[0])); code != 200 {
			t.Errorf("%s: import: %+v", form, r.Error)
			continue
		}
		if form != "virtualwebauthn" { // which does not keep the RP ID
			if code, r := login(other.Authenticator, ""); code != 200 {
				t.Errorf("%s: a login with what was imported: %+v", form, r.Error)
			}
		}
	}
	call("delete", fmt.Sprintf(`{"authenticator":%q}`, a.Authenticator))
	if code, r := login(a.Authenticator, ""); code != 404 || r.Error.Name != "NotFoundError" {
		t.Errorf("after delete: %d %+v", code, r.Error)
	}
}

// TestSeed: one seed, one response, in any engine.
func TestSeed(t *testing.T) {
	once := func() string {
		e := sidecar.NewEngine()
		if _, err := e.Call(context.Background(), "new", json.RawMessage(`{"device":"security-key","seed":"aa"}`)); err != nil {
			t.Fatal(err)
		}
		r, err := e.Call(context.Background(), "create", json.RawMessage(`{"authenticator":"a1","origin":"https://rp.example","options":`+creation+`}`))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if first := once(); first != once() {
		t.Error("two engines answer two ways")
	}
}

func TestListings(t *testing.T) {
	url := serve(t)
	for path, want := range map[string]int{"faults": len(virtualauth.AllFaults()), "devices": 12} {
		res, err := http.Get(url + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		var rows []struct{ Name string }
		err = json.NewDecoder(res.Body).Decode(&rows)
		res.Body.Close()
		if err != nil || len(rows) != want || rows[0].Name == "" {
			t.Errorf("%s: %d rows, want %d: %v", path, len(rows), want, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	call := caller(t, serve(t))
	call("new", `{}`)
	for _, c := range []struct {
		method, params string
		code           int
		says           string
	}{
		{"nonsense", `{}`, 404, "there are clone, create"},
		{"new", `{"device":"toaster"}`, 404, "security-key"},
		{"new", `{"seed":"xyz"}`, 400, "hexadecimal"},
		{"new", `{"aaguid":"12"}`, 400, "16 bytes"},
		{"new", `{"counter":"sideways"}`, 400, "regress"},
		{"new", `{"counterStart":3}`, 400, "counter"},
		{"new", `{"formats":["waxseal"]}`, 400, "waxseal"},
		{"new", `{"colour":"red"}`, 400, "colour"},
		{"new", `{`, 400, "parameters"},
		{"new", `{} {}`, 400, "follows"},
		{"new", `[]`, 400, "parameters"},
		{"create", `{"authenticator":"a99"}`, 404, "new"},
		{"create", `{"authenticator":"a1","origin":"https://rp.example"}`, 400, "options"},
		{"create", `{"authenticator":"a1","options":{}}`, 400, "origin"},
		{"create", `{"authenticator":"a1","origin":"https://rp.example","options":{}}`, 400, ""},
		{"create", `{"authenticator":"a1","origin":"https://other.example","options":` + creation + `}`, 422, ""},
		{"create", `{"authenticator":"a1","origin":"https://rp.example","options":` + creation + `,"faults":["no-such"]}`, 400, "no-such"},
		{"restore", `{"authenticator":"a1","snapshot":"s9"}`, 404, "snapshot"},
		{"credentials", `{"authenticator":"a1","form":"wax"}`, 400, "chrome"},
		{"import", `{"authenticator":"a1","credential":{}}`, 400, ""},
		{"update", `{"authenticator":"a1","id":"AAAA"}`, 404, ""},
		{"update", `{"authenticator":"a1","id":"!"}`, 400, "base64url"},
		{"delete", `{"authenticator":"a9"}`, 404, ""},
	} {
		code, r := call(c.method, c.params)
		if code != c.code || r.Error == nil || !strings.Contains(r.Error.Message, c.says) || strings.Contains(r.Error.Message, "\n") {
			t.Errorf("%s %s: %d %+v, want %d saying %q", c.method, c.params, code, r.Error, c.code, c.says)
		}
	}
}

// TestStrangers: a page, a rebound name, another method and a flood get nothing.
func TestStrangers(t *testing.T) {
	url := serve(t)
	for name, edit := range map[string]func(*http.Request){
		"page":   func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"host":   func(r *http.Request) { r.Host = "evil.example" },
		"method": func(r *http.Request) { r.Method = http.MethodPut },
		"flood":  func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(make([]byte, sidecar.MaxRequest+1))) },
	} {
		r, err := http.NewRequest(http.MethodPost, url+"/new", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = -1
		edit(r)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if want := map[string]int{"page": 403, "host": 403, "method": 405, "flood": 413}[name]; res.StatusCode != want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, want)
		}
	}
}

func TestPipe(t *testing.T) {
	in := strings.Join([]string{
		`{"id":1,"method":"new","params":{"seed":"01"}}`,
		``,
		`{"id":"two","method":"create","params":{"authenticator":"a1","origin":"https://rp.example","options":` + creation + `}}`,
		`nonsense`,
		`{"id":4,"method":"new","params":{"seed":"` + strings.Repeat("0", sidecar.MaxRequest) + `"}}`,
		`{"id":5,"method":"delete","params":{"authenticator":"a1"}}`,
		`{"id":6,"method":"delete","params":{"authenticator":"a1"}}`, // and no end of line
	}, "\n")
	var out bytes.Buffer
	if err := sidecar.NewEngine().Serve(context.Background(), strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, text := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var a struct {
			ID     json.RawMessage
			Result json.RawMessage
			Error  *sidecar.Failure
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatalf("%v in %.200s", err, text)
		}
		s := string(a.ID) + " ok"
		if a.Error != nil {
			s = string(a.ID) + " " + a.Error.Name
		} else if a.Result == nil {
			s = string(a.ID) + " no result"
		}
		got = append(got, s)
	}
	want := []string{`1 ok`, `"two" ok`, ` TypeError`, ` TypeError`, `5 ok`, `6 NotFoundError`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestConcurrentCalls(t *testing.T) {
	call := caller(t, serve(t))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, a := call("new", `{}`)
			for range 5 {
				call("create", fmt.Sprintf(`{"authenticator":%q,"origin":"https://rp.example","options":%s}`, a.Authenticator, creation))
				call("clone", fmt.Sprintf(`{"authenticator":%q}`, a.Authenticator))
			}
		})
	}
	wg.Wait()
}

func FuzzCall(f *testing.F) {
	f.Add("new", []byte(`{"device":"security-key"}`))
	f.Add("create", []byte(`{"authenticator":"a1","origin":"https://rp.example","options":`+creation+`}`))
	f.Add("import", []byte(`{"authenticator":"a1","credential":{}}`))
	f.Fuzz(func(t *testing.T, method string, params []byte) {
		e := sidecar.NewEngine()
		if _, err := e.Call(context.Background(), "new", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Call(context.Background(), method, params); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q", err)
		}
	})
}
