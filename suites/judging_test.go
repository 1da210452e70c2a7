package suites_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// onServer runs the checks on a server that stands before the sound reference
// RP; overlay changes its profile. spoil answers in the RP's place where it says true.
func onServer(t *testing.T, overlay string, spoil func(http.ResponseWriter, *http.Request, http.Handler) bool, ids ...string) *reports.Report {
	t.Helper()
	server := referenceServer(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if spoil == nil || !spoil(w, r, server) {
			server.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	profile, err := reference.Profile("fido")
	if overlay != "" {
		// What a profile adds to what the reference RP's says.
		text := "extends: fido\nname: fido\npolicy: {trust: all, untrusted: reject}\n" + overlay
		profile, err = target.LoadProfile("judging.yaml", []byte(text))
	}
	if err != nil {
		t.Fatal(err)
	}
	tgt, err := target.New(profile, target.Options{URL: srv.URL, RPID: reference.RPID, Origin: reference.Origin, Timeout: 400 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), ids)
	if err != nil {
		t.Fatal(err)
	}
	r, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{tgt}, Clients: []client.Client{client.NewVirtual()}, Checks: checks, Seed: "s", Jobs: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func find(t *testing.T, r *reports.Report, id string) reports.Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c reports.Check) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("%s was not run: %+v", id, r.Stopped)
	}
	return r.Checks[i]
}

// during tells whether the request finishes a ceremony of this check or of its twin.
func during(r *http.Request, id string) bool {
	return strings.TrimSuffix(r.Header.Get("X-Touchstone-Check"), suites.TwinSuffix) == id && strings.HasSuffix(r.URL.Path, "/result")
}

// faulty tells whether the result's client data are of this type: of the faulty
// ceremony, not of its twin.
func faulty(r *http.Request, typ string) bool {
	body := new(bytes.Buffer)
	_, _ = body.ReadFrom(r.Body)
	r.Body = http.NoBody
	var o struct {
		Response struct {
			ClientDataJSON string `json:"clientDataJSON"`
		} `json:"response"`
	}
	ok := json.Unmarshal(body.Bytes(), &o) == nil && strings.Contains(decode(o.Response.ClientDataJSON), typ)
	r.Body = readCloser{body}
	return ok
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

func failedJSON(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"status":"failed","errorMessage":"no"}`))
}

// What is no answer is a failure of its own, whatever the check's level, and
// cites our own row, never a specification's.
func TestCrashesAreNoRefusals(t *testing.T) {
	const must, posture = "registration.client-data.type-unknown", "registration.client-data.deep"
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	for _, tc := range []struct {
		name, id, reason string
		answer           http.HandlerFunc
	}{
		{"undeclared 500", must, reports.ReasonCrash, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "boom", 500) }},
		{"html", must, reports.ReasonCrash, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(400)
			_, _ = w.Write([]byte("<html><h1>Bad Request</h1></html>"))
		}},
		{"dropped", must, reports.ReasonCrash, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"hang", must, reports.ReasonTimeout, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-over:
			case <-r.Context().Done():
			}
		}},
		{"posture", posture, reports.ReasonCrash, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := onServer(t, "", func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				// The twin is sound: its client data are of the right type, and shallow.
				if !during(r, tc.id) || tc.id == must && faulty(r, `"webauthn.create"`) || tc.id == posture && r.ContentLength < 4000 {
					return false
				}
				tc.answer(w, r)
				return true
			}, tc.id)
			c := find(t, r, tc.id)
			if c.Verdict != reports.Fail || c.Reason != tc.reason {
				t.Errorf("verdict %s, reason %s (%s); want fail, %s", c.Verdict, c.Reason, c.Message, tc.reason)
			}
			if !slices.Equal(c.Requirements, []string{"touchstone/no-crash"}) || r.Requirements["touchstone/no-crash"].Anchor == "" {
				t.Errorf("it cites %v; want our own row alone", c.Requirements)
			}
			if c.Mend == "" || c.Guards == "" {
				t.Errorf("no mend or no class: %+v", c)
			}
			// The target lives, which the health after the crash shows.
			if r.Stopped != nil || !slices.ContainsFunc(r.Health, func(h reports.Health) bool { return h.When == "after a crash" && h.OK }) {
				t.Errorf("stopped %+v, health %+v; want a good one after the crash", r.Stopped, r.Health)
			}
			if reports.ExitCode(r, false) != 1 {
				t.Errorf("exit %d; want 1", reports.ExitCode(r, false))
			}
		})
	}
}

// A server error in the dialect's own failure form is a refusal, with a remark.
func TestDeclaredServerErrorIsARefusal(t *testing.T) {
	const id = "registration.client-data.type-unknown"
	r := onServer(t, "", func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !during(r, id) || faulty(r, `"webauthn.create"`) {
			return false
		}
		failedJSON(w, 500)
		return true
	}, id)
	if c := find(t, r, id); c.Verdict != reports.Pass || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "HTTP 500") {
		t.Errorf("%+v; want a pass with a note of the status", c)
	}
}

// An answer in no form of the dialect is neither a refusal nor an acceptance.
func TestUnclearAnswersFail(t *testing.T) {
	const id = "registration.client-data.type-unknown"
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"other form": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"status":"pending"}`))
		},
	} {
		r := onServer(t, "", func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if !during(r, id) || faulty(r, `"webauthn.create"`) {
				return false
			}
			answer(w, r)
			return true
		}, id)
		if c := find(t, r, id); c.Verdict != reports.Fail || c.Reason != "unclear" {
			t.Errorf("%s: %s %s; want fail, unclear", name, c.Verdict, c.Reason)
		}
	}
}

// An RP that refuses everything passes nothing: data checks by their twin,
// stories by the rule that a refusal counts beside an acceptance alone.
func TestRefusalsNeedATwin(t *testing.T) {
	for _, id := range []string{"registration.client-data.type-unknown", "authentication.signature.bit-flipped", "authentication.credential.unknown", "registration.challenge.other-session", "authentication.algorithms.es256-over-sha-384"} {
		r := onServer(t, "", func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			ceremony, _, _ := strings.Cut(id, ".")
			path := map[string]string{"registration": "/attestation/result", "authentication": "/assertion/result"}[ceremony]
			if !during(r, id) || r.URL.Path != path {
				return false
			}
			failedJSON(w, 400)
			return true
		}, id)
		if c := find(t, r, id); c.Verdict != reports.NotTestable || reports.ExitCode(r, false) != 1 {
			t.Errorf("%s: %s (%s), exit %d; want not testable and red", id, c.Verdict, c.Message, reports.ExitCode(r, false))
		}
	}
}

// A crash in a step that a check stands on is a crash, not a missing prerequisite.
func TestCrashBeforeTheQuestion(t *testing.T) {
	const id = "authentication.session.refused-is-logged-out"
	r := onServer(t, "", func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !during(r, id) || r.URL.Path != "/attestation/result" {
			return false
		}
		http.Error(w, "boom", 500)
		return true
	}, id)
	if c := find(t, r, id); c.Verdict != reports.Fail || c.Reason != reports.ReasonCrash {
		t.Errorf("%s %s (%s); want fail, crash", c.Verdict, c.Reason, c.Message)
	}
}

// Health stands first, between families and last, and names who was at it when
// a target dies without a word.
func TestHealthStandsAround(t *testing.T) {
	ids := []string{"registration.accepted.plain", "registration.client-data.type-unknown", "registration.envelope.id-missing"}
	r := onServer(t, "", nil, ids...)
	var when []string
	for _, h := range r.Health {
		when = append(when, h.When)
	}
	if want := []string{"first", "between", "between", "last"}; !slices.Equal(when, want) {
		t.Errorf("health was looked at %v; want %v", when, want)
	}
	var dead atomic.Bool
	r = onServer(t, "", func(w http.ResponseWriter, r *http.Request, server http.Handler) bool {
		if dead.Load() {
			panic(http.ErrAbortHandler)
		}
		if during(r, ids[1]) && !faulty(r, `"webauthn.create"`) {
			server.ServeHTTP(w, r) // a proper refusal is the last thing it says
			dead.Store(true)
			return true
		}
		return false
	}, ids...)
	if r.Stopped == nil || reports.ExitCode(r, false) != 3 || !strings.Contains(r.Stopped.Message, ids[1]) {
		t.Errorf("stopped %+v, exit %d; want the last check named, and 3", r.Stopped, reports.ExitCode(r, false))
	}
}

// Refused must mean not logged in, where the profile can tell.
func TestRefusedLoginIsProbed(t *testing.T) {
	const id = "authentication.signature.bit-flipped"
	r := referenceRun(t, []string{"fido"}, func(c *rp.Config) { c.Bug = "session-before-verification" }, func(c *suites.Config) {
		checks, err := suites.Select(suites.Catalogue(), []string{id})
		if err != nil {
			t.Fatal(err)
		}
		c.Checks = checks
	})
	if c := find(t, r, id); c.Verdict != reports.Fail || c.Reason != "logged-in" {
		t.Errorf("%s %s (%s); want fail, logged-in", c.Verdict, c.Reason, c.Message)
	}
}

// What is declared absent is not applicable with the profile's reason; what is
// not there and not declared is not testable, which is red.
func TestAbsentAndMissing(t *testing.T) {
	const id = "registration.packed.signature-flipped"
	refuse := func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !during(r, id) {
			return false
		}
		failedJSON(w, 400)
		return true
	}
	r := onServer(t, "features:\n  attestation.packed: {absent: nobody here has such keys}\n", refuse, id)
	if c := find(t, r, id); c.Verdict != reports.NotApplicable || !strings.Contains(c.Message, "nobody here has such keys") {
		t.Errorf("declared absent: %s (%s); want not applicable, with the reason", c.Verdict, c.Message)
	}
	r = onServer(t, "", refuse, id)
	if c := find(t, r, id); c.Verdict != reports.NotTestable || reports.ExitCode(r, false) != 1 {
		t.Errorf("missing: %s (%s); want not testable and red", c.Verdict, c.Message)
	}
}

// A profile that says otherwise than the RP does is told so.
func TestFeaturesAreTried(t *testing.T) {
	told := func(r *reports.Report, feature string) string {
		for _, f := range r.Features {
			if f.Feature == feature {
				return f.Declared + " / " + f.Found
			}
		}
		return ""
	}
	ids := []string{"registration.options.exclude-list-exact", "registration.compound.accepted", "registration.options.user-verification-asked"}
	r := onServer(t, "features:\n  exclude-list: {absent: we think so}\n  attestation.compound: {absent: we think so}\n", nil, ids...)
	for _, f := range []string{"exclude-list", "attestation.compound"} {
		if got := told(r, f); got != "absent: we think so / works" {
			t.Errorf("%s: %q; want that it works", f, got)
		}
	}
	if len(r.Notes) != 2 {
		t.Errorf("notes %q; want one for each", r.Notes)
	}
	r = referenceRun(t, []string{"fido"}, func(c *rp.Config) { c.Bug = "verification-dropped" }, func(c *suites.Config) {
		checks, err := suites.Select(suites.Catalogue(), ids)
		if err != nil {
			t.Fatal(err)
		}
		c.Checks = checks
	})
	if got := told(r, "request.user-verification"); !strings.HasPrefix(got, "present / refused: ") {
		t.Errorf("request.user-verification: %q; want that the RP does not do it", got)
	}
	// A sound RP whose profile is right hears nothing.
	if r = onServer(t, "", nil, ids...); len(r.Features) > 0 {
		t.Errorf("%+v; want nothing", r.Features)
	}
}

func decode(text string) string {
	b, _ := base64.RawURLEncoding.DecodeString(text) // what does not decode holds nothing that is looked for
	return string(b)
}
