package rptest_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func part(m map[string]any, name string) map[string]any { p, _ := m[name].(map[string]any); return p }

// inside is the object that is JSON in a string.
func inside(s string) map[string]any {
	var m map[string]any
	_ = json.Unmarshal([]byte(s), &m) // what is no object becomes nil, which the RP refuses
	return m
}

// passwordless is Bitwarden's Passwordless.dev.
func passwordless(_ *testing.T, rp http.Handler) http.Handler {
	type pending struct {
		asked
		path string
	}
	var (
		mu       sync.Mutex
		count    numbered
		tokens   = map[string]map[string]any{}
		sessions = map[string]*pending{}
	)
	refuse := func(w http.ResponseWriter, status int, what string) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": what, "status": status}) // to a recorder
	}
	with := func(header, value string, f func(http.ResponseWriter, map[string]any)) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if req.Header.Get(header) != value {
				refuse(w, http.StatusUnauthorized, "A valid '"+header+"' header is required.")
				return
			}
			f(w, bodyOf(req))
		}
	}
	page := func(f func(http.ResponseWriter, map[string]any)) http.HandlerFunc {
		return with("ApiKey", "demo:public:1", func(w http.ResponseWriter, in map[string]any) {
			if text(in, "RPID") != "rp.example" || text(in, "Origin") != "https://rp.example" {
				refuse(w, http.StatusBadRequest, "RPID and Origin do not fit")
				return
			}
			f(w, in)
		})
	}
	begin := func(w http.ResponseWriter, path string, body map[string]any) {
		p := &pending{asked: asked{rp: rp}, path: path}
		status, o := p.ask(path+"/options", body)
		if status != http.StatusOK {
			refuse(w, http.StatusBadRequest, text(o, "errorMessage"))
			return
		}
		id := count.next("session")
		sessions[id] = p
		writeJSON(w, http.StatusOK, map[string]any{"data": bare(o), "session": id})
	}
	complete := func(path string) http.HandlerFunc {
		return page(func(w http.ResponseWriter, in map[string]any) {
			p := sessions[text(in, "session")]
			delete(sessions, text(in, "session"))
			if p == nil || p.path != path {
				refuse(w, http.StatusBadRequest, "The session is not valid")
				return
			}
			credential := rename(part(in, "response"), "extensions", "getClientExtensionResults")
			rename(rename(part(credential, "response"), "clientDataJson", "clientDataJSON"), "AttestationObject", "attestationObject")
			if status, answer := p.ask(path+"/result", credential); status != http.StatusOK {
				refuse(w, http.StatusBadRequest, text(answer, "errorMessage"))
				return
			}
			writeJSON(w, http.StatusOK, map[string]any{"token": count.next("verify")})
		})
	}
	mux := http.NewServeMux()
	mux.Handle("POST /register/token", with("ApiSecret", "demo:secret:1", func(w http.ResponseWriter, in map[string]any) {
		token := count.next("register")
		tokens[token] = in
		writeJSON(w, http.StatusOK, map[string]any{"token": token})
	}))
	mux.Handle("POST /register/begin", page(func(w http.ResponseWriter, in map[string]any) {
		asked := tokens[text(in, "token")]
		delete(tokens, text(in, "token"))
		selection := map[string]any{"residentKey": "required"}
		for from, to := range map[string]string{"userVerification": "userVerification", "authenticatorType": "authenticatorAttachment"} {
			if v, ok := asked[from]; ok {
				selection[to] = v
			}
		}
		begin(w, "/attestation", map[string]any{"username": asked["userId"], "displayName": asked["displayname"], "attestation": asked["attestation"], "authenticatorSelection": selection})
	}))
	mux.Handle("POST /signin/begin", page(func(w http.ResponseWriter, in map[string]any) {
		body := map[string]any{"username": in["userId"]}
		if v, ok := in["userVerification"]; ok {
			body["userVerification"] = v
		}
		begin(w, "/assertion", body)
	}))
	mux.Handle("POST /register/complete", complete("/attestation"))
	mux.Handle("POST /signin/complete", complete("/assertion"))
	return mux
}

// byChallenge keeps ceremonies that are known by their challenge alone.
type byChallenge struct {
	mu      sync.Mutex
	pending map[string]*asked
}

func (b *byChallenge) put(challenge string, a *asked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending == nil {
		b.pending = map[string]*asked{}
	}
	b.pending[challenge] = a
}

// take is the ceremony whose challenge the client data has, in whatever base64.
func (b *byChallenge) take(clientData string) *asked {
	data, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(clientData))
	if err != nil {
		return nil
	}
	challenge := text(inside(strings.TrimPrefix(string(data), "\uFEFF")), "challenge")
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.pending[challenge]
	delete(b.pending, challenge)
	return a
}

// strongkey is StrongKey's FIDO Server.
func strongkey(_ *testing.T, rp http.Handler) http.Handler {
	var open byChallenge
	refuse := func(w http.ResponseWriter, status int, what string) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, "FIDO-ERR-0000: "+what) // to a recorder
	}
	service := func(f func(http.ResponseWriter, map[string]any)) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			in := bodyOf(req)
			if s := part(in, "svcinfo"); text(s, "svcusername") != "svcfidouser" || text(s, "svcpassword") != "Abcd1234!" || text(s, "protocol") != "FIDO2_0" || s["did"] != 1.0 {
				refuse(w, http.StatusUnauthorized, "no such service")
				return
			}
			f(w, part(in, "payload"))
		}
	}
	options := func(path string) http.HandlerFunc {
		return service(func(w http.ResponseWriter, in map[string]any) {
			body := map[string]any{"username": in["username"]}
			if path == "/attestation/options" {
				body["displayName"] = in["displayname"]
				if v := inside(text(in, "options"))["attestation"]; v != nil {
					body["attestation"] = v
				}
			}
			a := &asked{rp: rp}
			status, o := a.ask(path, body)
			if status != http.StatusOK {
				refuse(w, http.StatusBadRequest, text(o, "errorMessage"))
				return
			}
			open.put(text(o, "challenge"), a)
			writeJSON(w, http.StatusOK, map[string]any{"Response": bare(o)})
		})
	}
	finish := func(path string) http.HandlerFunc {
		return service(func(w http.ResponseWriter, in map[string]any) {
			credential := inside(text(in, "response"))
			a := open.take(text(part(credential, "response"), "clientDataJSON"))
			if a == nil || text(inside(text(in, "metadata")), "origin") != "https://rp.example" {
				refuse(w, http.StatusBadRequest, "no such challenge")
				return
			}
			credential["getClientExtensionResults"] = map[string]any{}
			if status, answer := a.ask(path, credential); status != http.StatusOK {
				refuse(w, http.StatusBadRequest, text(answer, "errorMessage"))
				return
			}
			writeJSON(w, http.StatusOK, map[string]any{"Response": "Successfully processed the response"})
		})
	}
	mux := http.NewServeMux()
	mux.Handle("POST /skfs/rest/preregister", options("/attestation/options"))
	mux.Handle("POST /skfs/rest/register", finish("/attestation/result"))
	mux.Handle("POST /skfs/rest/preauthenticate", options("/assertion/options"))
	mux.Handle("POST /skfs/rest/authenticate", finish("/assertion/result"))
	return mux
}

// kratos is Ory Kratos with its browser flows, asked in JSON.
func kratos(_ *testing.T, rp http.Handler) http.Handler {
	type flow struct {
		asked
		kind, user string
	}
	var (
		mu       sync.Mutex
		count    numbered
		flows    = map[string]*flow{}
		users    = map[string]string{} // password by name
		sessions = map[string]string{}
	)
	node := func(group, name, kind string, value any) map[string]any {
		return map[string]any{"type": "input", "group": group, "attributes": map[string]any{"name": name, "type": kind, "value": value, "node_type": "input"}}
	}
	csrf := func(req *http.Request) string {
		c, err := req.Cookie("csrf_token_1")
		if err != nil {
			return ""
		}
		return c.Value
	}
	who := func(req *http.Request) string {
		c, err := req.Cookie("ory_kratos_session")
		if err != nil {
			return ""
		}
		return sessions[c.Value]
	}
	fault := func(w http.ResponseWriter, status int, reason string) {
		writeJSON(w, status, map[string]any{"error": map[string]any{"code": status, "reason": reason, "message": "The request was refused"}})
	}
	// again is the flow's form once more, with what went wrong.
	again := func(w http.ResponseWriter, what string) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"state": "show_form", "ui": map[string]any{"messages": []any{map[string]any{"id": 4000000, "text": what, "type": "error"}}, "nodes": []any{}}})
	}
	start := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if req.Header.Get("Accept") != "application/json" {
				http.Redirect(w, req, "/ui/"+kind, http.StatusSeeOther)
				return
			}
			token := csrf(req)
			if token == "" {
				token = count.next("csrf")
				http.SetCookie(w, &http.Cookie{Name: "csrf_token_1", Value: token, Path: "/", HttpOnly: true})
			}
			f := &flow{asked: asked{rp: rp}, kind: kind, user: who(req)}
			nodes := []any{node("default", "csrf_token", "hidden", "masked-"+token)}
			publicKey := func(name, path string, body map[string]any) bool {
				if f.user == "" {
					fault(w, http.StatusUnauthorized, "No valid session cookie found.")
					return false
				}
				_, o := f.ask(path, body)
				value, _ := json.Marshal(map[string]any{"publicKey": bare(o)}) // of what was JSON
				nodes = append(nodes, node("webauthn", name, "button", string(value)))
				return true
			}
			switch {
			case kind == "settings":
				if !publicKey("webauthn_register_trigger", "/attestation/options", map[string]any{"username": f.user, "displayName": f.user}) {
					return
				}
			case kind == "login" && req.URL.Query().Get("aal") == "aal2":
				if !publicKey("webauthn_login_trigger", "/assertion/options", map[string]any{"username": f.user}) {
					return
				}
			}
			id := count.next("flow")
			flows[id] = f
			writeJSON(w, http.StatusOK, map[string]any{"id": id, "state": "show_form", "ui": map[string]any{"action": "https://" + req.Host + "/self-service/" + kind + "?flow=" + id, "method": "POST", "nodes": nodes}})
		}
	}
	submit := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			in := map[string]any{}
			if req.Header.Get("Content-Type") == "application/json" {
				in = bodyOf(req)
			} else if err := req.ParseForm(); err == nil {
				for k := range req.PostForm {
					in[k] = req.PostForm.Get(k)
				}
			}
			id := req.URL.Query().Get("flow")
			f := flows[id]
			switch {
			case f == nil || f.kind != kind:
				fault(w, http.StatusGone, "The flow has expired.")
			case csrf(req) == "" || text(in, "csrf_token") != "masked-"+csrf(req):
				fault(w, http.StatusForbidden, "The request was rejected to protect you from CSRF.")
			case kind == "settings":
				credential := inside(text(in, "webauthn_register"))
				if credential != nil {
					credential["getClientExtensionResults"] = map[string]any{}
				}
				if status, answer := f.ask("/attestation/result", credential); status != http.StatusOK || text(in, "webauthn_register_displayname") == "" {
					again(w, text(answer, "errorMessage"))
					return
				}
				delete(flows, id)
				writeJSON(w, http.StatusOK, map[string]any{"id": id, "state": "success", "ui": map[string]any{"nodes": []any{}}})
			case kind == "login" && text(in, "method") == "webauthn":
				credential := inside(text(in, "webauthn_login"))
				if credential != nil {
					credential["getClientExtensionResults"] = map[string]any{}
				}
				if status, answer := f.ask("/assertion/result", credential); status != http.StatusOK {
					again(w, text(answer, "errorMessage"))
					return
				}
				delete(flows, id)
				writeJSON(w, http.StatusOK, map[string]any{"session": map[string]any{"active": true, "authenticator_assurance_level": "aal2"}})
			case text(in, "method") == "password":
				name := text(in, "identifier")
				if kind == "registration" {
					name = text(part(in, "traits"), "email")
					if users[name] == "" {
						users[name] = text(in, "password")
					}
				}
				if users[name] == "" || users[name] != text(in, "password") {
					again(w, "The provided credentials are invalid")
					return
				}
				delete(flows, id)
				session := count.next("ory")
				sessions[session] = name
				http.SetCookie(w, &http.Cookie{Name: "ory_kratos_session", Value: session, Path: "/", HttpOnly: true})
				writeJSON(w, http.StatusOK, map[string]any{"identity": map[string]any{"id": name}, "session": map[string]any{"active": true}})
			default:
				again(w, "Could not find any strategy")
			}
		}
	}
	mux := http.NewServeMux()
	for _, kind := range []string{"registration", "login", "settings"} {
		mux.Handle("GET /self-service/"+kind+"/browser", start(kind))
		mux.Handle("POST /self-service/"+kind, submit(kind))
	}
	return mux
}

// letters gives random bytes that are letters, so that a challenge is a text.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	n, err := rand.Read(p)
	for i := range p[:n] {
		p[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[p[i]%32]
	}
	return n, err
}

// powerauth is Wultra's PowerAuth: a challenge that is a text, and nothing else of
// the options. The RP behind it has to make challenges of letters.
func powerauth(_ *testing.T, rp http.Handler) http.Handler {
	var open byChallenge
	refuse := func(w http.ResponseWriter, code, what string) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"status": "ERROR", "responseObject": map[string]any{"code": code, "message": what}})
	}
	// standard is the binary member in base64url, where it is standard base64.
	standard := func(m map[string]any, names ...string) bool {
		for _, n := range names {
			s, there := m[n].(string)
			if !there {
				continue
			}
			data, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return false
			}
			m[n] = base64.RawURLEncoding.EncodeToString(data)
		}
		return true
	}
	challenge := func(path string, body func(in map[string]any) map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			in := part(bodyOf(req), "requestObject")
			a := &asked{rp: rp}
			status, o := a.ask(path, body(in))
			written, err := base64.RawURLEncoding.DecodeString(text(o, "challenge"))
			if status != http.StatusOK || err != nil {
				refuse(w, "ERROR_FIDO2_REQUEST", text(o, "errorMessage"))
				return
			}
			open.put(text(o, "challenge"), a)
			answer := map[string]any{"userId": in["userId"], "challenge": string(written)}
			if list, ok := o["allowCredentials"].([]any); ok {
				var allowed []any
				for _, d := range list {
					m, _ := d.(map[string]any)
					id, _ := base64.RawURLEncoding.DecodeString(text(m, "id"))
					allowed = append(allowed, map[string]any{"credentialId": base64.StdEncoding.EncodeToString(id), "type": m["type"], "transports": m["transports"]})
				}
				answer["allowCredentials"] = allowed
			}
			writeJSON(w, http.StatusOK, map[string]any{"status": "OK", "responseObject": answer})
		}
	}
	verify := func(path, code string, found func(in map[string]any) map[string]any, done func(in map[string]any) map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			in := part(bodyOf(req), "requestObject")
			given := found(in)
			response := part(given, "response")
			origins, _ := given["allowedOrigins"].([]any)
			a := open.take(text(response, "clientDataJSON"))
			if a == nil || text(in, "applicationId") != "touchstone" || text(given, "relyingPartyId") != "rp.example" || len(origins) != 1 || origins[0] != "https://rp.example" ||
				!standard(given, "credentialId") || !standard(response, "clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle") {
				refuse(w, "ERROR_HTTP_REQUEST", "the request did not pass validation")
				return
			}
			status, answer := a.ask(path, map[string]any{"id": given["credentialId"], "rawId": given["credentialId"], "type": given["type"], "response": response, "getClientExtensionResults": map[string]any{}})
			if status != http.StatusOK {
				refuse(w, code, text(answer, "errorMessage"))
				return
			}
			writeJSON(w, http.StatusOK, map[string]any{"status": "OK", "responseObject": done(given)})
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /fido2/registrations/challenge", challenge("/attestation/options", func(in map[string]any) map[string]any {
		return map[string]any{"username": in["userId"], "displayName": in["userId"], "attestation": "direct"}
	}))
	mux.Handle("POST /fido2/registrations", verify("/attestation/result", "ERROR_FIDO2_REQUEST",
		func(in map[string]any) map[string]any { return part(in, "authenticatorParameters") },
		func(in map[string]any) map[string]any {
			return map[string]any{"credentialId": in["credentialId"], "activationStatus": "ACTIVE"}
		}))
	mux.Handle("POST /fido2/assertions/challenge", challenge("/assertion/options", func(in map[string]any) map[string]any {
		return map[string]any{"username": in["userId"]}
	}))
	mux.Handle("POST /fido2/assertions", verify("/assertion/result", "ERROR_FIDO2_AUTH",
		func(in map[string]any) map[string]any { return in },
		func(map[string]any) map[string]any { return map[string]any{"assertionValid": true} }))
	return mux
}
