package rptest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// asked is a conversation with the reference RP in the FIDO server API's form,
// for wire forms that carry their state otherwise than in its cookies.
type asked struct {
	rp      http.Handler
	cookies []*http.Cookie
}

func (a *asked) ask(path string, body any) (int, map[string]any) {
	data, err := json.Marshal(body)
	if err != nil {
		return http.StatusBadRequest, map[string]any{"errorMessage": err.Error()}
	}
	in := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(data))
	in.Header.Set("Content-Type", "application/json")
	for _, c := range a.cookies {
		in.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	a.rp.ServeHTTP(rec, in)
	if set := rec.Result().Cookies(); len(set) > 0 {
		a.cookies = set
	}
	var answer map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		return http.StatusBadGateway, map[string]any{"errorMessage": err.Error()}
	}
	return rec.Code, answer
}

func text(m map[string]any, name string) string { s, _ := m[name].(string); return s }

// result is the credential as the FIDO server API has it.
func result(credential map[string]any) map[string]any {
	return rename(credential, "clientExtensionResults", "getClientExtensionResults")
}

// numbered makes values that nobody else has.
type numbered struct {
	mu sync.Mutex
	n  int
}

func (n *numbered) next(prefix string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n++
	return fmt.Sprintf("%s-%06d", prefix, n.n)
}

// yubico is the demo server of java-webauthn-server: forms in, the ceremony's id
// and the address of its end out, no cookies.
func yubico(_ *testing.T, rp http.Handler) http.Handler {
	type pending struct {
		asked
		finish, user string
	}
	var (
		mu       sync.Mutex
		count    numbered
		requests = map[string]*pending{}
		tokens   = map[string]string{} // by user
	)
	refuse := func(w http.ResponseWriter, what string) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"success": false, "messages": []string{what}})
	}
	start := func(registration bool) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				http.Error(w, "", http.StatusUnsupportedMediaType)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			user := req.PostFormValue("username")
			p := &pending{asked: asked{rp: rp}, user: user}
			path, body, member := "/assertion/options", map[string]any{"username": user}, "publicKeyCredentialRequestOptions"
			p.finish = "/api/v1/authenticate/finish"
			if registration {
				if known := tokens[user]; known != "" && known != req.PostFormValue("sessionToken") {
					refuse(w, "The username is taken")
					return
				}
				key := "discouraged"
				if req.PostFormValue("requireResidentKey") == "true" {
					key = "required"
				}
				path, member = "/attestation/options", "publicKeyCredentialCreationOptions"
				body["displayName"], body["authenticatorSelection"] = req.PostFormValue("displayName"), map[string]any{"residentKey": key}
				p.finish = "/api/v1/register/finish"
			}
			status, options := p.ask(path, body)
			if status != http.StatusOK {
				refuse(w, text(options, "errorMessage"))
				return
			}
			id := count.next("request")
			requests[id] = p
			writeJSON(w, http.StatusOK, map[string]any{
				"success": true, "request": map[string]any{"requestId": id, "username": user, member: bare(options)},
				"actions": map[string]any{"finish": "https://" + req.Host + p.finish},
			})
		}
	}
	finish := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			in := bodyOf(req)
			credential, _ := in["credential"].(map[string]any)
			p := requests[text(in, "requestId")]
			delete(requests, text(in, "requestId"))
			if p == nil || p.finish != req.URL.Path {
				refuse(w, "No such ceremony in progress")
				return
			}
			if _, there := credential["rawId"]; there {
				refuse(w, "Unrecognized field rawId") // the demo's page sends none
				return
			}
			credential["rawId"] = credential["id"]
			if status, answer := p.ask(path, result(credential)); status != http.StatusOK {
				refuse(w, text(answer, "errorMessage"))
				return
			}
			if tokens[p.user] == "" {
				tokens[p.user] = count.next("token")
			}
			writeJSON(w, http.StatusOK, map[string]any{"success": true, "sessionToken": tokens[p.user], "username": p.user})
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /api/v1/register", start(true))
	mux.Handle("POST /api/v1/register/finish", finish("/attestation/result"))
	mux.Handle("POST /api/v1/authenticate", start(false))
	mux.Handle("POST /api/v1/authenticate/finish", finish("/assertion/result"))
	return mux
}

// keycloak is a realm with passkeys: all happens on pages with forms, whose
// addresses carry the state, and ends in redirects.
func keycloak(_ *testing.T, rp http.Handler) http.Handler {
	type tab struct {
		asked
		user, want, code string // want is the next form
		action           string // kc_action
	}
	var (
		mu    sync.Mutex
		count numbered
		tabs  = map[string]*tab{}
		users = map[string]string{} // password by name
	)
	page := func(w http.ResponseWriter, status int, body string) {
		w.Header().Set("Content-Type", "text/html;charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>Sign in to test</title></head><body>"+body+"</body></html>") // to a recorder
	}
	fault := func(w http.ResponseWriter, status int, what string) {
		page(w, status, `<div id="kc-error-message"><p class="instruction">`+html.EscapeString(what)+`</p></div>`)
	}
	// address is that of a tab's next form; it holds for one answer only.
	address := func(id string, b *tab, want string) string {
		b.want, b.code = want, count.next("code")
		return "/realms/test/login-actions/" + want + "?" + url.Values{"session_code": {b.code}, "tab_id": {id}, "client_id": {"account-console"}}.Encode()
	}
	js := func(v any) string { s, _ := json.Marshal(v); return string(s) } // of strings and numbers
	hidden := func(names ...string) string {
		var b strings.Builder
		for _, n := range names {
			fmt.Fprintf(&b, `<input type="hidden" id="%s" name="%s"/>`, n, n)
		}
		return b.String()
	}
	ids := func(list any) (out []string) {
		l, _ := list.([]any)
		for _, d := range l {
			m, _ := d.(map[string]any)
			out = append(out, text(m, "id"))
		}
		return out
	}
	or := func(v any) any {
		if v == nil {
			return "not specified"
		}
		return v
	}
	registration := func(w http.ResponseWriter, id string, b *tab) {
		status, o := b.ask("/attestation/options", map[string]any{"username": b.user, "displayName": b.user})
		if status != http.StatusOK {
			fault(w, http.StatusInternalServerError, text(o, "errorMessage"))
			return
		}
		user, _ := o["user"].(map[string]any)
		party, _ := o["rp"].(map[string]any)
		params, _ := o["pubKeyCredParams"].([]any)
		algs := ""
		for _, p := range params {
			m, _ := p.(map[string]any)
			algs += fmt.Sprintf("%.0f,", m["alg"])
		}
		page(w, http.StatusOK, `<form id="register" class="form" action="`+html.EscapeString(address(id, b, "required-action"))+`" method="post">`+
			hidden("clientDataJSON", "attestationObject", "publicKeyCredentialId", "authenticatorLabel", "transports", "error")+`</form>
<script type="module">
 const input = {
   challenge : `+js(o["challenge"])+`,
   userid : `+js(user["id"])+`,
   username : `+js(user["name"])+`,
   signatureAlgorithms : [`+algs+`],
   rpEntityName : `+js(party["name"])+`,
   rpId : `+js(party["id"])+`,
   attestationConveyancePreference : `+js(or(o["attestation"]))+`,
   authenticatorAttachment : "not specified",
   requireResidentKey : "Yes",
   userVerificationRequirement : "not specified",
   createTimeout : 0,
   excludeCredentialIds : `+js(strings.Join(ids(o["excludeCredentials"]), ","))+`
 };
</script>`)
	}
	login := func(w http.ResponseWriter, id string, b *tab) {
		status, o := b.ask("/assertion/options", map[string]any{"username": ""})
		if status != http.StatusOK {
			fault(w, http.StatusInternalServerError, text(o, "errorMessage"))
			return
		}
		action := html.EscapeString(address(id, b, "authenticate"))
		page(w, http.StatusOK, `<form id="kc-form-login" onsubmit="return true;" action="`+action+`" method="post"><input id="username" name="username" value="" type="text"/><input name="password" type="password"/></form>
<form id="webauth" action="`+action+`" method="post">`+hidden("clientDataJSON", "authenticatorData", "signature", "credentialId", "userHandle", "error")+`</form>
<script type="module">
 const args = {
   isUserIdentified : false,
   challenge : `+js(o["challenge"])+`,
   userVerification : `+js(or(o["userVerification"]))+`,
   rpId : `+js(o["rpId"])+`,
   createTimeout : 0
 };
</script>`)
	}
	done := func(w http.ResponseWriter, req *http.Request, id string) {
		delete(tabs, id)
		http.Redirect(w, req, "https://"+req.Host+"/realms/test/account/?state=touchstone&code="+count.next("oidc"), http.StatusFound)
	}
	// current is the tab whose form this is.
	current := func(w http.ResponseWriter, req *http.Request, want string) (string, *tab) {
		id := req.URL.Query().Get("tab_id")
		b := tabs[id]
		cookie, err := req.Cookie("AUTH_SESSION_ID")
		if b == nil || b.want != want || b.code != req.URL.Query().Get("session_code") || err != nil || cookie.Value != "s."+id {
			fault(w, http.StatusBadRequest, "You took too long to login.")
			return "", nil
		}
		b.code = ""
		return id, b
	}
	mux := http.NewServeMux()
	open := func(want string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			q := req.URL.Query()
			if q.Get("client_id") != "account-console" || q.Get("response_type") != "code" || !strings.HasPrefix(q.Get("redirect_uri"), "https://"+req.Host+"/realms/test/account/") {
				fault(w, http.StatusBadRequest, "Invalid parameter: redirect_uri")
				return
			}
			id := count.next("tab")
			b := &tab{asked: asked{rp: rp}, action: q.Get("kc_action")}
			tabs[id] = b
			http.SetCookie(w, &http.Cookie{Name: "AUTH_SESSION_ID", Value: "s." + id, Path: "/realms/test/", Secure: true, HttpOnly: true})
			if want == "registration" {
				page(w, http.StatusOK, `<form id="kc-register-form" action="`+html.EscapeString(address(id, b, want))+`" method="post"></form>`)
				return
			}
			login(w, id, b)
		}
	}
	mux.Handle("GET /realms/test/protocol/openid-connect/registrations", open("registration"))
	mux.Handle("GET /realms/test/protocol/openid-connect/auth", open("authenticate"))
	mux.HandleFunc("POST /realms/test/login-actions/registration", func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id, b := current(w, req, "registration")
		name, password := req.PostFormValue("username"), req.PostFormValue("password")
		switch {
		case b == nil:
		case users[name] != "" || name == "" || password == "" || password != req.PostFormValue("password-confirm"):
			page(w, http.StatusOK, `<span id="input-error-username">Username already exists.</span>`)
		default:
			users[name] = password
			done(w, req, id)
		}
	})
	mux.HandleFunc("POST /realms/test/login-actions/authenticate", func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id, b := current(w, req, "authenticate")
		if b == nil {
			return
		}
		if name := req.PostFormValue("username"); name != "" {
			if users[name] == "" || users[name] != req.PostFormValue("password") {
				login(w, id, b)
				return
			}
			b.user = name
			if b.action != "webauthn-register-passwordless" {
				done(w, req, id)
				return
			}
			next := address(id, b, "page")
			http.Redirect(w, req, "https://"+req.Host+next, http.StatusFound)
			return
		}
		response := map[string]any{"clientDataJSON": req.PostFormValue("clientDataJSON"), "authenticatorData": req.PostFormValue("authenticatorData"), "signature": req.PostFormValue("signature")}
		if h := req.PostFormValue("userHandle"); h != "" {
			response["userHandle"] = h
		}
		credential := req.PostFormValue("credentialId")
		if status, _ := b.ask("/assertion/result", map[string]any{"id": credential, "rawId": credential, "type": "public-key", "response": response, "getClientExtensionResults": map[string]any{}}); status != http.StatusOK {
			page(w, http.StatusOK, `<div class="alert-error"><span class="kc-feedback-text">Failed to authenticate by the Passkey.</span></div><form id="kc-error-credential-form" action="x" method="post"></form>`)
			return
		}
		done(w, req, id)
	})
	mux.HandleFunc("GET /realms/test/login-actions/page", func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if id, b := current(w, req, "page"); b != nil {
			registration(w, id, b)
		}
	})
	mux.HandleFunc("POST /realms/test/login-actions/required-action", func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id, b := current(w, req, "required-action")
		if b == nil {
			return
		}
		credential := req.PostFormValue("publicKeyCredentialId")
		status, _ := b.ask("/attestation/result", map[string]any{"id": credential, "rawId": credential, "type": "public-key",
			"response":                  map[string]any{"clientDataJSON": req.PostFormValue("clientDataJSON"), "attestationObject": req.PostFormValue("attestationObject")},
			"getClientExtensionResults": map[string]any{}})
		if status != http.StatusOK || req.PostFormValue("authenticatorLabel") == "" {
			page(w, http.StatusOK, `<div class="alert-error"><span class="kc-feedback-text">Failed to register your Passkey.</span></div><form id="kc-error-credential-form" action="x" method="post"></form>`)
			return
		}
		done(w, req, id)
	})
	return mux
}

// spring is Spring Security with its passkey pages, a form login for the one user
// that the application has, and its CSRF cookie.
func spring(t *testing.T, rp http.Handler) http.Handler {
	type browser struct {
		asked
		csrf, user string
	}
	var (
		mu       sync.Mutex
		count    numbered
		browsers = map[string]*browser{}
		// The reference RP deletes no credentials: after the last one is gone the user
		// is another to it.
		life  int
		alive []string
	)
	user := func() string { return fmt.Sprintf("user-%d", life) }
	// of finds the browser, and refuses what changes something without its token.
	of := func(f func(http.ResponseWriter, *http.Request, *browser)) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			var b *browser
			if c, err := req.Cookie("JSESSIONID"); err == nil {
				b = browsers[c.Value]
			}
			if b == nil {
				b = &browser{asked: asked{rp: rp}, csrf: count.next("csrf")}
				id := count.next("jsession")
				browsers[id] = b
				http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: id, Path: "/", HttpOnly: true})
				http.SetCookie(w, &http.Cookie{Name: "XSRF-TOKEN", Value: b.csrf, Path: "/"})
			}
			if req.Method != http.MethodGet && req.Header.Get("X-XSRF-TOKEN") != b.csrf && req.PostFormValue("_csrf") != "masked-"+b.csrf {
				http.Error(w, "", http.StatusForbidden)
				return
			}
			f(w, req, b)
		}
	}
	page := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><body>"+body+"</body></html>") // to a recorder
	}
	loggedIn := func(w http.ResponseWriter, req *http.Request, b *browser) bool {
		if b.user == "" {
			http.Redirect(w, req, "https://"+req.Host+"/login", http.StatusFound)
		}
		return b.user != ""
	}
	mux := http.NewServeMux()
	mux.Handle("GET /login", of(func(w http.ResponseWriter, _ *http.Request, b *browser) {
		page(w, `<form class="login-form" method="post" action="/login"><input name="username"><input name="password" type="password"><input name="_csrf" type="hidden" value="masked-`+b.csrf+`" /></form>`)
	}))
	mux.Handle("POST /login", of(func(w http.ResponseWriter, req *http.Request, b *browser) {
		if req.PostFormValue("username") != "user" || req.PostFormValue("password") != "password" {
			http.Redirect(w, req, "/login?error", http.StatusFound)
			return
		}
		b.user, b.csrf = "user", count.next("csrf")
		http.SetCookie(w, &http.Cookie{Name: "XSRF-TOKEN", Value: b.csrf, Path: "/"})
		http.Redirect(w, req, "/", http.StatusFound)
	}))
	mux.Handle("GET /webauthn/register", of(func(w http.ResponseWriter, req *http.Request, b *browser) {
		if !loggedIn(w, req, b) {
			return
		}
		rows := ""
		for _, id := range alive {
			rows += `<tr><td>touchstone</td><td><form class="delete-form no-margin" method="post" action="/webauthn/register/` + id + `"><input type="hidden" name="method" value="delete"><button>Delete</button></form></td></tr>`
		}
		page(w, `<form class="login-form" method="post" action="#"><input id="label" name="label"></form><table class="table"><tbody>`+rows+`</tbody></table>`)
	}))
	mux.Handle("DELETE /webauthn/register/{id}", of(func(w http.ResponseWriter, req *http.Request, b *browser) {
		if !loggedIn(w, req, b) {
			return
		}
		if alive = slices.DeleteFunc(alive, func(id string) bool { return id == req.PathValue("id") }); len(alive) == 0 {
			life++
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.Handle("POST /webauthn/register/options", of(func(w http.ResponseWriter, req *http.Request, b *browser) {
		if !loggedIn(w, req, b) {
			return
		}
		status, o := b.ask("/attestation/options", map[string]any{"username": user(), "displayName": "user", "authenticatorSelection": map[string]any{"residentKey": "required", "userVerification": "preferred"}})
		if status != http.StatusOK {
			t.Errorf("options: %v", o)
		}
		if u, ok := o["user"].(map[string]any); ok {
			u["name"] = "user"
		}
		writeJSON(w, http.StatusOK, bare(o))
	}))
	mux.Handle("POST /webauthn/register", of(func(w http.ResponseWriter, req *http.Request, b *browser) {
		if !loggedIn(w, req, b) {
			return
		}
		key, _ := bodyOf(req)["publicKey"].(map[string]any)
		credential, _ := key["credential"].(map[string]any)
		if text(key, "label") == "" {
			credential = nil
		}
		id := text(credential, "id")
		if status, _ := b.ask("/attestation/result", result(credential)); status != http.StatusOK {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		alive = append(alive, id)
		writeJSON(w, http.StatusOK, map[string]any{"success": true})
	}))
	mux.Handle("POST /webauthn/authenticate/options", of(func(w http.ResponseWriter, _ *http.Request, b *browser) {
		name := ""
		if b.user != "" {
			name = user()
		}
		_, o := b.ask("/assertion/options", map[string]any{"username": name, "userVerification": "preferred"})
		writeJSON(w, http.StatusOK, bare(o))
	}))
	mux.Handle("POST /login/webauthn", of(func(w http.ResponseWriter, req *http.Request, b *browser) {
		if status, _ := b.ask("/assertion/result", result(bodyOf(req))); status != http.StatusOK {
			b.user = ""
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		b.user = "user"
		writeJSON(w, http.StatusOK, map[string]any{"redirectUrl": "/", "authenticated": true})
	}))
	return mux
}
