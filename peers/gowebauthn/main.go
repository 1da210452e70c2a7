// Gowebauthn is a Relying Party on github.com/go-webauthn/webauthn that speaks the
// FIDO server API, for Touchstone to test. The library verifies; this file keeps
// what a library cannot keep (accounts, sessions, credentials) and compares what
// only it can compare. One source serves every version of the library that has a
// module file here; README.md lists who checks what.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

const bodyLimit = 1 << 20

// A user implements the library's User interface, of its oldest version too.
type user struct {
	id          []byte
	name        string
	display     string
	credentials []webauthn.Credential
}

func (u *user) WebAuthnID() []byte                         { return u.id }
func (u *user) WebAuthnName() string                       { return u.name }
func (u *user) WebAuthnDisplayName() string                { return u.display }
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }
func (u *user) WebAuthnIcon() string                       { return "" }

func (u *user) descriptors() []protocol.CredentialDescriptor {
	var list []protocol.CredentialDescriptor
	for i := range u.credentials {
		list = append(list, u.credentials[i].Descriptor())
	}
	return list
}

// pending is the ceremony that a session has begun.
type pending struct {
	ceremony string
	user     *user
	data     *webauthn.SessionData
	deadline time.Time
}

// peer lives in memory and dies with the process.
type peer struct {
	mu       sync.Mutex
	library  *webauthn.WebAuthn
	users    map[string]*user
	owners   map[string]*user // credential id -> user, over all users
	sessions map[string]pending
}

// request is the body of either options call.
type request struct {
	Username    string                               `json:"username"`
	DisplayName string                               `json:"displayName"`
	Attestation protocol.ConveyancePreference        `json:"attestation"`
	Selection   *protocol.AuthenticatorSelection     `json:"authenticatorSelection"`
	UV          protocol.UserVerificationRequirement `json:"userVerification"`
	Extensions  json.RawMessage                      `json:"extensions"`
}

func newPeer(rpID, origin string) (*peer, error) {
	library, err := webauthn.New(&webauthn.Config{RPID: rpID, RPDisplayName: "Touchstone peer", RPOrigins: []string{origin}})
	if err != nil {
		return nil, err
	}
	return &peer{library: library, users: map[string]*user{}, owners: map[string]*user{}, sessions: map[string]pending{}}, nil
}

// take ends the session's ceremony: a challenge is good for one try
// (https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges).
func (p *peer) take(session, ceremony string) (pending, error) {
	c, ok := p.sessions[session]
	delete(p.sessions, session)
	if !ok || c.ceremony != ceremony {
		return c, fmt.Errorf("no %s is under way in this session", ceremony)
	}
	if time.Now().After(c.deadline) {
		return c, fmt.Errorf("the %s took too long", ceremony)
	}
	return c, nil
}

func (p *peer) begin(session, ceremony string, u *user, data *webauthn.SessionData, timeout int) {
	deadline := time.Now().Add(time.Duration(timeout) * time.Millisecond)
	if timeout == 0 { // the oldest versions leave it to the client
		deadline = time.Now().Add(5 * time.Minute)
	}
	p.sessions[session] = pending{ceremony, u, data, deadline}
}

func (p *peer) attestationOptions(session string, body []byte) (any, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	if r.Username == "" {
		return nil, errors.New("username must be a string that is not empty")
	}
	u := p.users[r.Username]
	if u == nil {
		u = &user{id: random(32), name: r.Username, display: r.DisplayName}
		p.users[r.Username] = u
	}
	options := []webauthn.RegistrationOption{webauthn.WithExclusions(u.descriptors())}
	if r.Attestation != "" {
		options = append(options, webauthn.WithConveyancePreference(r.Attestation))
	}
	if r.Selection != nil {
		options = append(options, webauthn.WithAuthenticatorSelection(*r.Selection))
		if r.Selection.ResidentKey != "" { // sets the member of Level 1 to match
			options = append(options, webauthn.WithResidentKeyRequirement(r.Selection.ResidentKey))
		}
	}
	if len(r.Extensions) > 0 {
		o, err := creationExtensions(r.Extensions)
		if err != nil {
			return nil, err
		}
		options = append(options, o)
	}
	creation, data, err := p.library.BeginRegistration(u, options...)
	if err != nil {
		return nil, err
	}
	p.begin(session, "registration", u, data, creation.Response.Timeout)
	return creation.Response, nil
}

func (p *peer) attestationResult(session string, body []byte) (any, error) {
	c, err := p.take(session, "registration")
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBody(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	credential, err := p.library.CreateCredential(c.user, *c.data, parsed)
	if err != nil {
		return nil, err
	}
	// Only whoever holds all accounts can tell that an id is taken
	// (https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential step 26).
	if p.owners[string(credential.ID)] != nil {
		return nil, errors.New("the credential is already registered")
	}
	p.owners[string(credential.ID)] = c.user
	c.user.credentials = append(c.user.credentials, *credential)
	return nil, nil
}

func (p *peer) assertionOptions(session string, body []byte) (any, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	var options []webauthn.LoginOption
	if r.UV != "" {
		options = append(options, webauthn.WithUserVerification(r.UV))
	}
	if len(r.Extensions) > 0 {
		o, err := requestExtensions(r.Extensions)
		if err != nil {
			return nil, err
		}
		options = append(options, o)
	}
	u := p.users[r.Username]
	if u == nil || len(u.credentials) == 0 {
		return nil, errors.New("unknown user")
	}
	assertion, data, err := p.library.BeginLogin(u, options...)
	if err != nil {
		return nil, err
	}
	p.begin(session, "authentication", u, data, assertion.Response.Timeout)
	return assertion.Response, nil
}

func (p *peer) assertionResult(session string, body []byte) (any, error) {
	c, err := p.take(session, "authentication")
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBody(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	credential, err := p.library.ValidateLogin(c.user, *c.data, parsed)
	if err != nil {
		return nil, err
	}
	for i := range c.user.credentials {
		if bytes.Equal(c.user.credentials[i].ID, credential.ID) {
			c.user.credentials[i] = *credential
		}
	}
	return nil, nil
}

func (p *peer) handler() http.Handler {
	mux := http.NewServeMux()
	for path, call := range map[string]func(string, []byte) (any, error){
		"/attestation/options": p.attestationOptions, "/attestation/result": p.attestationResult,
		"/assertion/options": p.assertionOptions, "/assertion/result": p.assertionResult,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("%s takes POST", path))
				return
			}
			body, err := wire(http.MaxBytesReader(w, r.Body, bodyLimit))
			if err != nil {
				refuse(w, http.StatusBadRequest, err)
				return
			}
			session := ""
			if cookie, err := r.Cookie("peer-session"); err == nil {
				session = cookie.Value
			} else {
				session = base64.RawURLEncoding.EncodeToString(random(24))
				http.SetCookie(w, &http.Cookie{Name: "peer-session", Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			}
			answer, err := p.call(call, session, body)
			if err != nil {
				refuse(w, http.StatusBadRequest, err)
				return
			}
			write(w, http.StatusOK, answer)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("nothing at %s", r.URL.Path))
	})
	return mux
}

// call runs one route and flattens its answer next to status and errorMessage. A
// panic of the library is not caught here: net/http drops the connection.
func (p *peer) call(route func(string, []byte) (any, error), session string, body []byte) (map[string]any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	result, err := route(session, body)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	if result != nil {
		data, err := json.Marshal(result)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &answer); err != nil {
			return nil, err
		}
	}
	answer["status"], answer["errorMessage"] = "ok", ""
	return answer, nil
}

// wire turns the dialect's body into the library's: there rawId is optional and
// the extension results have another name.
func wire(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, fmt.Errorf("the body is not a JSON object: %w", err)
	}
	if body == nil {
		return nil, errors.New("the body is not a JSON object")
	}
	if body["rawId"] == nil && body["id"] != nil {
		body["rawId"] = body["id"]
	}
	if e := body["getClientExtensionResults"]; e != nil && body["clientExtensionResults"] == nil {
		body["clientExtensionResults"] = e
		delete(body, "getClientExtensionResults")
	}
	return json.Marshal(body)
}

// refuse says no in the dialect's words, with all that the library tells.
func refuse(w http.ResponseWriter, status int, err error) {
	message := err.Error()
	var e *protocol.Error
	if errors.As(err, &e) && e.DevInfo != "" {
		message += ": " + e.DevInfo
	}
	write(w, status, map[string]any{"status": "failed", "errorMessage": message})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand does not fail
	return b
}

func main() {
	port := flag.Int("port", 0, "port on the loopback interface; 0 is a free one")
	rpID := flag.String("rp-id", "localhost", "RP ID")
	origin := flag.String("origin", "", "`origin` that the client data must name (default: the URL that is printed)")
	flag.Parse()
	if err := serve(*port, *rpID, *origin); err != nil {
		fmt.Fprintf(os.Stderr, "gowebauthn: %v\n", err)
		os.Exit(2)
	}
}

func serve(port int, rpID, origin string) error {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	if origin == "" {
		origin = url
	}
	p, err := newPeer(rpID, origin)
	if err != nil {
		return err
	}
	fmt.Printf("ready %s\n", url)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: p.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
