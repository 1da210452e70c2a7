package judges

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// findings are what a judge says of a corpus.
type findings struct {
	Version string `json:"version"`
	// Has is what its surroundings bring that others lack, for "without" in fixtures/judges.yaml.
	Has      []string           `json:"has"`
	Verdicts map[string]verdict `json:"verdicts"`
}

// verdict is nil for accepted, or why it was refused.
type verdict struct {
	Registration   *string `json:"registration"`
	Authentication *string `json:"authentication"`
}

func (v verdict) of(ceremony string) *string {
	if ceremony == registration {
		return v.Registration
	}
	return v.Authentication
}

const (
	registration   = "registration"
	authentication = "authentication"
)

// absent says that a judge is not installed, with what to do.
type absent struct{ why string }

func (a absent) Error() string { return a.why }

var judges = map[string]func(*corpus) (*findings, error){
	"reference":      judgeByReference,
	"go-webauthn":    judgeByGoWebAuthn,
	"simplewebauthn": judgeBySimpleWebAuthn,
	"python-fido2":   judgeByPythonFIDO2,
}

func refusal(err error) *string {
	if err == nil {
		return nil
	}
	s := err.Error()
	return &s
}

// judgeByReference asks our own RP, with our roots.
func judgeByReference(c *corpus) (*findings, error) {
	f := &findings{Version: "this", Verdicts: map[string]verdict{}}
	for _, cell := range c.Cells {
		v, err := referenceVerdict(cell)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cell.Name, err)
		}
		f.Verdicts[cell.Name] = v
	}
	return f, nil
}

func referenceVerdict(c *cell) (verdict, error) {
	var v verdict
	b, err := newBench(c)
	if err != nil {
		return v, err
	}
	o, err := b.beginRegistration()
	if err != nil {
		return v, err
	}
	if b64(o.Challenge) != c.Registration.Challenge {
		return v, errors.New("the reference RP does not issue the same options again")
	}
	v.Registration = refusal(explainStep(b.finishRegistration(o, &c.response.registration)))
	if v.Registration != nil && c.twin != nil {
		// Only what is registered can sign in: with flipped bits, the honest twin.
		if b, err = newBench(c); err != nil {
			return v, err
		}
		if o, err = b.beginRegistration(); err != nil {
			return v, err
		}
		if err := b.finishRegistration(o, &c.twin.response.registration); err != nil {
			return v, fmt.Errorf("the honest twin: %w", err)
		}
	}
	q, err := b.beginAuthentication()
	if err != nil {
		return v, err
	}
	if b64(q.Challenge) != c.Authentication.Challenge {
		return v, errors.New("the reference RP does not issue the same options again")
	}
	v.Authentication = refusal(explainStep(b.finishAuthentication(q, &c.response.authentication)))
	return v, nil
}

func explainStep(err error) error {
	var e *ceremony.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s", e.Step, e.Message)
	}
	return err
}

type account struct{ credentials []webauthn.Credential }

func (*account) WebAuthnID() []byte                           { return userHandle }
func (*account) WebAuthnName() string                         { return "ada@rp.example" }
func (*account) WebAuthnDisplayName() string                  { return "Ada" }
func (a *account) WebAuthnCredentials() []webauthn.Credential { return a.credentials }

// judgeByGoWebAuthn asks go-webauthn, which takes no roots but from metadata.
func judgeByGoWebAuthn(c *corpus) (*findings, error) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		return nil, err
	}
	version := regexp.MustCompile(`(?m)^\s*github\.com/go-webauthn/webauthn (v\S+)`).FindSubmatch(mod)
	if version == nil {
		return nil, errors.New("go.mod does not require go-webauthn")
	}
	f := &findings{Version: string(version[1]), Verdicts: map[string]verdict{}}
	// It has ML-DSA where the standard library does.
	if !slices.Contains([]string{"go1.25", "go1.26"}, strings.Join(strings.SplitN(runtime.Version(), ".", 3)[:2], ".")) {
		f.Has = append(f.Has, "ml-dsa")
	}
	w, err := webauthn.New(&webauthn.Config{RPID: c.RPID, RPDisplayName: "RP", RPOrigins: []string{c.Origin}})
	if err != nil {
		return nil, err
	}
	for _, cell := range c.Cells {
		v, err := goWebAuthnVerdict(w, cell)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cell.Name, err)
		}
		f.Verdicts[cell.Name] = v
	}
	return f, nil
}

func goWebAuthnVerdict(w *webauthn.WebAuthn, c *cell) (verdict, error) {
	var v verdict
	session := func(challenge string, ext map[string]json.RawMessage) (s webauthn.SessionData, err error) {
		s = webauthn.SessionData{
			Challenge: challenge, RelyingPartyID: rpID, UserID: userHandle, Expires: time.Now().Add(time.Hour), UserVerification: protocol.VerificationDiscouraged,
			CredParams: []protocol.CredentialParameter{{Type: "public-key", Algorithm: webauthncose.COSEAlgorithmIdentifier(c.Algorithm)}},
		}
		if c.UserVerification {
			s.UserVerification = protocol.VerificationRequired
		}
		var in protocol.AuthenticationExtensions
		raw, err := json.Marshal(ext)
		if err == nil && len(ext) > 0 {
			if err = json.Unmarshal(raw, &in); err == nil {
				s.Extensions = in.Session()
			}
		}
		return s, err
	}
	s, err := session(c.Registration.Challenge, c.ext.register)
	if err != nil {
		return v, err
	}
	made, err := protocol.ParseCredentialCreationResponseBytes(c.Registration.Response)
	if err != nil {
		v.Registration = refusal(explain(err))
	} else {
		_, err = w.CreateCredential(&account{}, s, made)
		v.Registration = refusal(explain(err))
	}

	if s, err = session(c.Authentication.Challenge, c.ext.get); err != nil {
		return v, err
	}
	s.AllowedCredentialIDs = [][]byte{c.response.registration.RawID}
	var data protocol.AuthenticatorData
	if err := data.Unmarshal(c.response.registration.AuthenticatorData); err != nil {
		v.Authentication = refusal(explain(err))
		return v, nil
	}
	user := &account{[]webauthn.Credential{{
		ID: data.AttData.CredentialID, PublicKey: data.AttData.CredentialPublicKey, Flags: webauthn.NewCredentialFlags(data.Flags),
		Authenticator:     webauthn.Authenticator{AAGUID: data.AttData.AAGUID, SignCount: data.Counter},
		AttestationFormat: strings.TrimSuffix(c.format, "-self"),
	}}}
	got, err := protocol.ParseCredentialRequestResponseBytes(c.Authentication.Response)
	if err != nil {
		v.Authentication = refusal(explain(err))
		return v, nil
	}
	credential, err := w.ValidateLogin(user, s, got)
	if err == nil && credential.Authenticator.CloneWarning {
		err = errors.New("clone warning")
	}
	v.Authentication = refusal(explain(err))
	return v, nil
}

func explain(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s (%s)", e.Type, e.Details, e.DevInfo)
	}
	return err
}

func judgeBySimpleWebAuthn(c *corpus) (*findings, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, absent{"there is no node: make judges installs it"}
	}
	if _, err := os.Stat("simplewebauthn/node_modules/.package-lock.json"); err != nil {
		return nil, absent{"@simplewebauthn/server is not installed: make judges does it"}
	}
	return judgeByProgram(c, node, "simplewebauthn/judge.mjs")
}

func judgeByPythonFIDO2(c *corpus) (*findings, error) {
	const python = "/usr/bin/python3" // Debian's, which is the one that python3-fido2 is installed for
	version, err := exec.Command(python, "-c", "import fido2; print(fido2.__version__)").Output()
	if err != nil {
		return nil, absent{"python3-fido2 is not installed: make judges does it"}
	}
	if v := strings.TrimSpace(string(version)); !strings.HasPrefix(v, "0.9.") {
		return nil, absent{"python3-fido2 is " + v + " and the judge is written for 0.9, which Debian 12 has"}
	}
	return judgeByProgram(c, python, "pythonfido2/judge.py")
}

func judgeByProgram(c *corpus, program string, args ...string) (*findings, error) {
	in, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var out, stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	f := &findings{}
	if err := json.Unmarshal(out.Bytes(), f); err != nil {
		return nil, fmt.Errorf("%s wrote no verdicts: %w", strings.Join(args, " "), err)
	}
	return f, nil
}

// sessions keeps what each judge said, so that the tests ask it once.
var sessions sync.Map

func hear(t *testing.T, name string) (*corpus, *findings) {
	t.Helper()
	c, err := makeCorpus()
	if err != nil {
		t.Fatal(err)
	}
	once, _ := sessions.LoadOrStore(name, sync.OnceValues(func() (*findings, error) { return judges[name](c) }))
	f, err := once.(func() (*findings, error))()
	var missing absent
	if errors.As(err, &missing) && os.Getenv("TOUCHSTONE_JUDGES") == "" {
		t.Skip("optional: " + missing.why)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Verdicts) != len(c.Cells) {
		t.Errorf("%d verdicts on %d cells", len(f.Verdicts), len(c.Cells))
	}
	return c, f
}

// TestVerdicts holds what every judge says of every cell against
// fixtures/judges.yaml, the reason of a refusal included.
func TestVerdicts(t *testing.T) {
	e, err := loadExpectations()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sortedKeys(judges) {
		t.Run(name, func(t *testing.T) {
			j := e.judge(name)
			if j == nil {
				t.Fatalf("%s has no judge %s", expectationsFile, name)
			}
			c, f := hear(t, name)
			if f.Version != j.Version {
				t.Errorf("it is version %s and the expectations are for %s", f.Version, j.Version)
			}
			used := map[*rule]bool{}
			told := map[string]int{}
			for _, cell := range c.Cells {
				if cell.twin != nil {
					continue
				}
				v, ok := f.Verdicts[cell.Name]
				if !ok {
					t.Errorf("%s: no verdict", cell.Name)
					continue
				}
				for _, ceremony := range []string{registration, authentication} {
					r := j.find(ceremony, cell.coordinates, f.Has)
					got := v.of(ceremony)
					if r != nil {
						used[r] = true
					}
					problem := r.differs(got)
					if problem == "" {
						told[ceremony]++
						continue
					}
					t.Errorf("%s: %s: %s", cell.Name, ceremony, problem)
				}
			}
			for _, r := range j.all() {
				if !used[r] && (r.Without == "" || !slices.Contains(f.Has, r.Without)) {
					t.Errorf("%s: a rule decides no cell: %s: take it out", expectationsFile, r)
				}
			}
			t.Logf("%d registrations and %d authentications judged as expected", told[registration], told[authentication])
		})
	}
	for _, j := range e.Judges {
		if judges[j.Name] == nil {
			t.Errorf("%s: there is no judge %s", expectationsFile, j.Name)
		}
	}
}

// TestFlippedBits shows that a judge that accepts also refuses: of every cell
// without extensions whose valid twin a judge accepts, it refuses the one with
// a flipped bit in the signature.
func TestFlippedBits(t *testing.T) {
	for _, name := range sortedKeys(judges) {
		t.Run(name, func(t *testing.T) {
			c, f := hear(t, name)
			accepted, refused := map[string]int{}, map[string]int{}
			for _, cell := range c.Cells {
				if cell.twin == nil {
					continue
				}
				for _, ceremony := range []string{registration, authentication} {
					if ceremony == registration && cell.format == "none" || f.Verdicts[cell.twin.Name].of(ceremony) != nil {
						continue
					}
					at := ceremony + " " + cell.format
					accepted[at]++
					if f.Verdicts[cell.Name].of(ceremony) == nil {
						t.Errorf("%s: %s is accepted", cell.Name, ceremony)
						continue
					}
					refused[at]++
				}
			}
			for _, format := range formats() {
				if accepted[authentication+" "+format] == 0 {
					t.Errorf("%s: it accepts no authentication, so that nothing shows that it refuses one", format)
				}
			}
			total := 0
			for at, n := range accepted {
				if refused[at] != n {
					t.Errorf("%s: %d of %d refused", at, refused[at], n)
				}
				total += refused[at]
			}
			t.Logf("%d refused", total)
		})
	}
}
