package rptest_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// passport is the form of passport-fido2-webauthn, as its README and example have it:
// one session with one challenge, one route for both results, a CSRF token of the
// session, which whoever signs in or out changes for a new one.
func passport(_ *testing.T, rp http.Handler) http.Handler {
	type session struct {
		asked
		csrf     string
		open     bool
		signedIn bool
	}
	var (
		mu       sync.Mutex
		count    numbered
		sessions = map[string]*session{}
	)
	renewed := func(w http.ResponseWriter, signedIn bool) *session {
		s := &session{asked: asked{rp: rp}, csrf: count.next("csrf"), signedIn: signedIn}
		id := count.next("session")
		sessions[id] = s
		http.SetCookie(w, &http.Cookie{Name: "connect.sid", Value: id, Path: "/", HttpOnly: true})
		return s
	}
	page := func(w http.ResponseWriter, status int, html string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, "<!DOCTYPE html>"+html) // to a recorder
	}
	// in is the browser's session, which has a token from its first page on.
	in := func(protected bool, f func(http.ResponseWriter, *http.Request, *session)) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			var s *session
			if c, err := req.Cookie("connect.sid"); err == nil {
				s = sessions[c.Value]
			}
			if protected && (s == nil || req.Header.Get("CSRF-Token") != s.csrf) {
				page(w, http.StatusForbidden, "<pre>invalid csrf token</pre>")
				return
			}
			if s == nil {
				s = renewed(w, false)
			}
			f(w, req, s)
		}
	}
	form := in(false, func(w http.ResponseWriter, _ *http.Request, s *session) {
		page(w, http.StatusOK, `<meta name="csrf-token" content="`+s.csrf+`">`)
	})
	challenge := func(path string, body func(map[string]any) map[string]any) http.HandlerFunc {
		return in(true, func(w http.ResponseWriter, req *http.Request, s *session) {
			status, o := s.ask(path, body(bodyOf(req)))
			if status != http.StatusOK {
				page(w, http.StatusInternalServerError, "<pre>"+text(o, "errorMessage")+"</pre>")
				return
			}
			s.open = true
			answer := map[string]any{"challenge": o["challenge"]}
			if user := part(o, "user"); user != nil {
				answer["user"] = user
			}
			writeJSON(w, http.StatusOK, answer)
		})
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", in(false, func(w http.ResponseWriter, _ *http.Request, s *session) {
		if s.signedIn {
			page(w, http.StatusOK, `<form action="/logout" method="post"></form>`)
			return
		}
		page(w, http.StatusOK, `<a href="/login">Sign in</a>`)
	}))
	mux.Handle("GET /login", form)
	mux.Handle("GET /signup", form)
	mux.Handle("POST /logout", in(true, func(w http.ResponseWriter, req *http.Request, _ *session) {
		renewed(w, false)
		http.Redirect(w, req, "/", http.StatusFound)
	}))
	mux.Handle("POST /login/public-key/challenge", challenge("/assertion/options", func(map[string]any) map[string]any {
		return map[string]any{"username": ""}
	}))
	mux.Handle("POST /signup/public-key/challenge", challenge("/attestation/options", func(in map[string]any) map[string]any {
		return map[string]any{"username": in["username"], "displayName": in["name"], "authenticatorSelection": map[string]any{"residentKey": "required"}}
	}))
	mux.Handle("POST /login/public-key", in(true, func(w http.ResponseWriter, req *http.Request, s *session) {
		body := bodyOf(req)
		if body == nil {
			page(w, http.StatusBadRequest, "<pre>this is not JSON</pre>")
			return
		}
		response := part(body, "response")
		path, id := "/assertion/result", text(body, "id")
		if _, there := response["attestationObject"]; there || id == "" {
			path, id = "/attestation/result", credentialID(text(response, "attestationObject"))
		}
		if !s.open {
			writeJSON(w, http.StatusForbidden, map[string]any{"ok": false})
			return
		}
		s.open = false
		if status, _ := s.ask(path, map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "getClientExtensionResults": map[string]any{}}); status != http.StatusOK {
			writeJSON(w, http.StatusForbidden, map[string]any{"ok": false})
			return
		}
		renewed(w, true)
		writeJSON(w, http.StatusOK, map[string]any{"ok": true})
	}))
	return mux
}

// credentialID is the id in an attestation object, which the form has nowhere else;
// of one that cannot be read it is an id that nobody has.
func credentialID(attestationObject string) string {
	const none = "AA"
	data, err := base64.RawURLEncoding.DecodeString(attestationObject)
	if err != nil {
		return none
	}
	var o struct {
		AuthData []byte `cbor:"authData"`
	}
	const lengthAt, idAt = 53, 55 // behind RP ID hash, flags, counter and AAGUID
	if _, err := cbor.UnmarshalFirst(data, &o); err != nil || len(o.AuthData) < idAt {
		return none
	}
	length := int(binary.BigEndian.Uint16(o.AuthData[lengthAt:]))
	if len(o.AuthData) < idAt+length {
		return none
	}
	return base64.RawURLEncoding.EncodeToString(o.AuthData[idAt : idAt+length])
}
