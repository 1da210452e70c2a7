package differential

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// docket is what was judged, by check or by fault.
type docket map[string][]judged

// outsideChecks is where responses go that no check sent: the trying of what
// the profile declares, and the ceremonies that show that the RP is well.
const outsideChecks = "outside of checks"

// suite runs all checks of the current set against the reference RP.
var suite = sync.OnceValues(func() (docket, error) { return suiteOf("differential") })

func suiteOf(seed string) (docket, error) {
	room, err := newCourtroom("the challenges of "+seed, func(c *rp.Config) error { return reference.Apply(c, suites.CurrentSet) })
	if err != nil {
		return nil, err
	}
	targets, err := reference.Targets(room, []string{"fido"}, seed)
	if err != nil {
		return nil, err
	}
	heard := docket{}
	report, err := suites.Run(context.Background(), suites.Config{
		Targets: targets, Clients: []client.Client{client.NewVirtual()}, Seed: seed,
		Jobs: 1, // so that a response is that of the check that ends next
		Progress: func(p suites.Progress) {
			of := outsideChecks
			if p.Result != nil {
				of = p.Result.ID
			}
			heard[of] = append(heard[of], room.take()...)
		},
	})
	if err != nil {
		return nil, err
	}
	heard[outsideChecks] = append(heard[outsideChecks], room.take()...)
	if report.Stopped != nil {
		return nil, fmt.Errorf("the run stopped: %s", report.Stopped.Message)
	}
	for _, c := range report.Checks {
		if c.Verdict != reports.Pass && c.Verdict != reports.NotApplicable {
			return nil, fmt.Errorf("%s: %s: %s", c.ID, c.Verdict, c.Message)
		}
	}
	return heard, nil
}

var allFormats = append([]string{virtualauth.FormatNone}, virtualauth.Formats()...)

// faults puts every fault of the virtual authenticator into a registration in
// every attestation format, and into a login where it can be. How a credential
// was attested makes no difference to its assertions, so that they are made
// with two kinds only.
var faults = sync.OnceValues(func() (docket, error) {
	heard := docket{}
	for _, format := range allFormats {
		room, err := newCourtroom("the challenges of "+format, func(c *rp.Config) error {
			// The suite runs with the other policy.
			c.Policy.RejectCounterRegression = true
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, f := range virtualauth.AllFaults() {
			if _, elsewhere := suiteAlone[f.Name]; elsewhere {
				continue
			}
			injected, err := virtualauth.ParseFaults(f.Name)
			if err != nil {
				return nil, err
			}
			if f.InRegistration() {
				b, err := newBench(room, format, f.Name+"/registration")
				if err != nil {
					return nil, err
				}
				if j := b.register(injected); j != nil {
					heard[f.Name] = append(heard[f.Name], *j)
				}
			}
			if !f.InAuthentication() || format != virtualauth.FormatNone && format != virtualauth.FormatFIDOU2F {
				continue
			}
			b, err := newBench(room, format, f.Name+"/authentication")
			if err != nil {
				return nil, err
			}
			// A login before, so that counters have gone up on both sides.
			if j := b.register(virtualauth.Faults{}); j == nil || j.ours != nil || j.theirs != nil {
				return nil, fmt.Errorf("%s: a registration without a fault: %+v", format, j)
			}
			if j := b.login(virtualauth.Faults{}); j == nil || j.ours != nil || j.theirs != nil {
				return nil, fmt.Errorf("%s: a login without a fault: %+v", format, j)
			}
			if j := b.login(injected); j != nil {
				heard[f.Name] = append(heard[f.Name], *j)
			}
			if format == virtualauth.FormatNone {
				// Where the user is not known beforehand, the user handle counts.
				b.usernameless = true
				if j := b.login(injected); j != nil {
					heard[f.Name] = append(heard[f.Name], *j)
				}
			}
		}
	}
	return heard, nil
})

// suiteAlone are the faults that the faults' docket cannot have, and the check of
// the suite that has them.
var suiteAlone = map[string]struct{ check, why string }{
	"key-alg-rs1":                {"registration.public-key.real-alg-not-offered", "it takes an RSA key"},
	"key-exponent-other":         {"registration.tpm.rsa-exponent-other", "it takes an RSA key in a TPM"},
	"flag-be-clear":              {"authentication.authenticator-data.backup-eligibility-lost", "it takes a credential that is backup eligible"},
	"ignore-pub-key-cred-params": {"registration.public-key.alg-not-offered", "everything is offered that the authenticator could make; the check has an algorithm that nobody offers"},
}

// bench is one account and one authenticator, in a session of their own.
type bench struct {
	room          *courtroom
	format, name  string
	usernameless  bool
	session       *http.Cookie
	client        *virtualauth.Client
	authenticator *virtualauth.Authenticator
}

func newBench(room *courtroom, format, name string) (*bench, error) {
	b := &bench{room: room, format: format, name: format + "/" + name, client: &virtualauth.Client{Origin: reference.Origin, AppID: reference.Origin}}
	cfg := virtualauth.Config{Seed: []byte(b.name), UserVerification: true, ResidentKeys: true, Formats: []string{format}}
	if format == virtualauth.FormatFIDOU2F {
		cfg = virtualauth.Config{Seed: []byte(b.name), Protocol: virtualauth.U2F}
	}
	var err error
	b.authenticator, err = virtualauth.New(cfg)
	return b, err
}

func (b *bench) u2f() bool { return b.format == virtualauth.FormatFIDOU2F }

// post returns the body of a good answer, else nil.
func (b *bench) post(path string, body any) []byte {
	data, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(data))
	r.Header.Set("Content-Type", "application/json")
	if b.session != nil {
		r.AddCookie(b.session)
	}
	w := httptest.NewRecorder()
	b.room.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		if cookie.Name == sessionCookie {
			b.session = cookie
		}
	}
	if w.Code != http.StatusOK {
		return nil
	}
	return w.Body.Bytes()
}

// register returns nil where the fault cannot be applied, or the client refuses.
func (b *bench) register(f virtualauth.Faults) *judged {
	selection := map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"}
	if b.u2f() {
		selection = map[string]any{"userVerification": "discouraged"}
	}
	options, err := virtualauth.ParseCreationOptions(b.post("/attestation/options", map[string]any{
		"username": b.name, "displayName": b.name, "attestation": "direct", "authenticatorSelection": selection,
	}))
	if err != nil {
		return nil
	}
	made, err := b.client.Create(context.Background(), b.authenticator, options, f)
	if err != nil {
		return nil
	}
	return b.verdict("/attestation/result", made.Response)
}

func (b *bench) login(f virtualauth.Faults) *judged {
	ask := map[string]any{"username": b.name, "userVerification": "required"}
	if b.u2f() {
		ask["userVerification"] = "discouraged"
	}
	if b.usernameless {
		ask["username"] = ""
	}
	options, err := virtualauth.ParseRequestOptions(b.post("/assertion/options", ask))
	if err != nil {
		return nil
	}
	got, err := b.client.Get(context.Background(), b.authenticator, options, f)
	if err != nil {
		return nil
	}
	return b.verdict("/assertion/result", got.Response)
}

func (b *bench) verdict(path string, response any) *judged {
	b.room.take()
	b.post(path, response)
	heard := b.room.take()
	if len(heard) != 1 {
		return nil
	}
	heard[0].format = b.format
	return &heard[0]
}

// tally counts a docket.
type tally struct {
	responses, accepted, refused, apart int
	aside                               map[string]int
}

func (d docket) tally() tally {
	n := tally{aside: map[string]int{}}
	for _, list := range d {
		for _, j := range list {
			n.responses++
			switch {
			case j.aside != "":
				n.aside[j.aside]++
			case !j.agreed():
				n.apart++
			case j.ours == nil:
				n.accepted++
			default:
				n.refused++
			}
		}
	}
	return n
}

// TestDifferences holds all that the two judge differently against the table of
// differences, and the table against it.
func TestDifferences(t *testing.T) {
	if raceDetector {
		t.Skip("not applicable: one goroutine does it all, and who agrees is asked without the race detector")
	}
	ofSuite, err := suite()
	if err != nil {
		t.Fatal(err)
	}
	ofFaults, err := faults()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, of := range []struct {
		docket docket
		names  func(difference) []string
		kind   string
	}{{ofSuite, func(d difference) []string { return d.checks }, "check"}, {ofFaults, func(d difference) []string { return d.faults }, "fault"}} {
		for _, name := range slices.Sorted(maps.Keys(of.docket)) {
			for _, j := range of.docket[name] {
				if j.aside != "" || j.agreed() {
					continue
				}
				i := slices.IndexFunc(differences, func(d difference) bool { return slices.Contains(of.names(d), name) && d.explains(j) })
				if i < 0 {
					t.Errorf("%s %s: they judge a %s differently, and no difference says why: %s", of.kind, name, j.ceremony, j)
					continue
				}
				seen[fmt.Sprint(i, of.kind, name)] = true
			}
		}
		for i, d := range differences {
			for _, name := range of.names(d) {
				if !seen[fmt.Sprint(i, of.kind, name)] {
					t.Errorf("%s %s: go-webauthn agrees now, or for another reason disagrees: strike it from %q", of.kind, name, d.title)
				}
			}
		}
	}
	for _, f := range virtualauth.AllFaults() {
		alone, ok := suiteAlone[f.Name]
		switch {
		case !ok && len(ofFaults[f.Name]) == 0:
			t.Errorf("fault %s reaches neither judge: say in suiteAlone which check has it", f.Name)
		case ok && len(ofSuite[alone.check]) == 0:
			t.Errorf("fault %s is left to the suite's check %s (%s), which sends nothing", f.Name, alone.check, alone.why)
		}
	}
	s, f := ofSuite.tally(), ofFaults.tally()
	t.Logf("the suite: %+v", s)
	t.Logf("the faults: %+v", f)
	// Both must have had something to say on both sides.
	for name, n := range map[string]tally{"the suite": s, "the faults": f} {
		if n.accepted < 100 || n.refused < 400 {
			t.Errorf("%s: both accept %d responses and both refuse %d: too few for a comparison", name, n.accepted, n.refused)
		}
	}
	if !t.Failed() {
		holdPage(t, page(ofSuite, ofFaults))
	}
}

// TestCourtroomAsks shows that go-webauthn's verdict hangs on what it is given to
// expect: the very response that both accept is refused once that is another.
func TestCourtroomAsks(t *testing.T) {
	for name, spoil := range map[string]func(*issued){
		"challenge":         func(i *issued) { i.data.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		"rp id":             func(i *issued) { i.data.RelyingPartyID = "other.example" },
		"user verification": func(i *issued) { i.data.UserVerification = "required" },
		"algorithms":        func(i *issued) { i.data.CredParams = i.data.CredParams[:0] },
		"expiry":            func(i *issued) { i.expires = i.expires.AddDate(-1, 0, 0) },
		"allow list":        func(i *issued) { i.data.AllowedCredentialIDs = [][]byte{{1}} },
		"account":           func(i *issued) { i.user = &user{handle: i.data.UserID} },
		"nothing":           func(*issued) {},
	} {
		t.Run(name, func(t *testing.T) {
			room, err := newCourtroom(t.Name(), func(*rp.Config) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			b, err := newBench(room, virtualauth.FormatFIDOU2F, name)
			if err != nil {
				t.Fatal(err)
			}
			ofLogin := name == "allow list" || name == "account"
			if !ofLogin {
				room.spoil = spoil
			}
			j := b.register(virtualauth.Faults{})
			if ofLogin {
				if j.theirs != nil {
					t.Fatal(j.theirs)
				}
				room.spoil = spoil
				j = b.login(virtualauth.Faults{})
			}
			if j.ours != nil || (j.theirs == nil) != (name == "nothing") {
				t.Errorf("it says %v", j.theirs)
			}
		})
	}
}

var update = flag.Bool("update", false, "write docs/differential.md again")

const document = "../../docs/differential.md"

func holdPage(t *testing.T, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(document); err != nil || string(got) != want {
		t.Errorf("%s is out of date (%v): run go generate ./internal/tools/gendocs", document, err)
	}
}

// page is docs/differential.md.
func page(ofSuite, ofFaults docket) string {
	var w strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&w, format, args...) }
	s, f := ofSuite.tally(), ofFaults.tally()
	p(`# Two judges

Written by go generate; do not edit.

The reference Relying Party and [go-webauthn](https://github.com/go-webauthn/webauthn) share no code. Two dockets are put to both:

- **The suite**: every response that a run of the current set sends to the reference RP in the fido dialect, with the virtual client.
- **The faults**: every fault of the virtual authenticator that can be put into a registration or a login, in every attestation format; %d of them are left to the suite, because they take another key or credential.

go-webauthn parses and verifies the very same body (the dialect's name for the extension results is put into the W3C's words). It is given what the reference RP expected at that moment: challenge, RP ID, origins, user verification, algorithms, allow list, extensions, mediation, time to live, the account and its records.
Where the text leaves a Relying Party a choice, both make the same: outputs that were not asked for are ignored, android-key may be enforced by software, every part of compound must pass, no framing by another origin. The suite runs with counters as a signal, the faults with counters that must grow.
Certificate chains are judged by both: go-webauthn has the suite's metadata through its own decoder, the reference RP's roots for every other model, and in the test the same roots in place of those vendors' roots that are in its source.

| | responses | both accept | both refuse | judged differently | set aside |
| --- | --- | --- | --- | --- | --- |
`, len(suiteAlone))
	for _, row := range []struct {
		name string
		tally
	}{{"the suite", s}, {"the faults", f}} {
		aside := 0
		for _, n := range row.aside {
			aside += n
		}
		p("| %s | %d | %d | %d | %d | %d |\n", row.name, row.responses, row.accepted, row.refused, row.apart, aside)
	}
	p("\n## Set aside\n\nNone of these is a question to go-webauthn.\n\n| why | the suite | the faults |\n| --- | --- | --- |\n")
	for _, why := range asides {
		if s.aside[why]+f.aside[why] == 0 {
			continue
		}
		p("| %s | %d | %d |\n", why, s.aside[why], f.aside[why])
	}
	p(`
## Judged differently

A difference that is not here fails the tests, and so does one here that is gone. Where go-webauthn stands as a server of its own, and what its users see of this, is in [peers.md](peers.md).
`)
	titles := map[string]string{}
	for _, c := range suites.Catalogue() {
		titles[c.ID] = c.Title
	}
	docs := map[string]string{}
	for _, fault := range virtualauth.AllFaults() {
		docs[fault.Name] = fault.Doc
	}
	for _, d := range differences {
		verdicts := "The reference RP accepts, go-webauthn refuses."
		if d.theirs == nil {
			verdicts = "The reference RP refuses, go-webauthn accepts."
		}
		p("\n### %s\n\n%s [%s](https://www.w3.org/TR/webauthn-3/#%s): %s.\n\n", d.title, verdicts, rights[d.right], d.anchor, d.why)
		for _, id := range d.checks {
			p("- `%s`: %s\n", id, cmp.Or(titles[id], "?"))
		}
		for _, name := range d.faults {
			p("- fault `%s`: %s (%s)\n", name, cmp.Or(docs[name], "?"), strings.Join(where(ofFaults[name], d), ", "))
		}
	}
	return w.String()
}

// where says in which ceremonies and formats a fault is judged differently.
func where(list []judged, d difference) []string {
	var formats []string
	login := false
	for _, j := range list {
		switch {
		case j.aside != "" || j.agreed() || !d.explains(j):
		case j.ceremony == authentication:
			login = true
		case !slices.Contains(formats, j.format):
			formats = append(formats, j.format)
		}
	}
	if len(formats) == len(allFormats) {
		formats = []string{"registration in every format"}
	} else if len(formats) > 0 {
		formats[0] = "registration in " + formats[0]
	}
	if login {
		formats = append(formats, "authentication")
	}
	return formats
}

// TestTable holds the table of differences together.
func TestTable(t *testing.T) {
	listed := map[string]string{}
	for _, d := range differences {
		if rights[d.right] == "" || d.anchor == "" || d.why == "" || d.title == "" {
			t.Errorf("%q: who is right, by which anchor and why must be said: %+v", d.title, d)
		}
		if (d.ours == nil) == (d.theirs == nil) {
			t.Errorf("%q: either ours or theirs refuses", d.title)
		}
		for _, name := range slices.Concat(d.checks, d.faults) {
			if other := listed[name]; other != "" {
				t.Logf("%s stands under %q and %q", name, other, d.title)
			}
			listed[name] = d.title
		}
	}
}
