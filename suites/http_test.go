package suites_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// rewriter is a gateway before a Relying Party of the dialect fido: what it
// passes on has the same ceremonies, and other statuses, header fields and texts.
type rewriter struct {
	handler http.Handler
	n       atomic.Int64
}

func (g *rewriter) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	g.handler.ServeHTTP(w, in)
	resp := w.Result()
	resp.Request = req
	if !strings.HasPrefix(req.URL.Path, "/attestation/") && !strings.HasPrefix(req.URL.Path, "/assertion/") {
		return resp, nil // the probe of the session, which is the reference RP's own
	}
	resp.Header = http.Header{"Set-Cookie": resp.Header["Set-Cookie"], "Content-Type": {"text/x-anything"}, "X-Gateway": {"1"}}
	var body map[string]any
	if json.NewDecoder(resp.Body).Decode(&body) != nil || body["status"] == nil {
		body = map[string]any{}
	}
	if body["status"] != "ok" {
		n := g.n.Add(1)
		resp.StatusCode = 400 + int(n%99)
		body["status"], body["errorMessage"] = "failed", fmt.Sprintf("error %d", n)
	} else {
		body["errorMessage"] = "said by a gateway"
		body["gateway"] = map[string]any{"status": "odd"}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return resp, nil
}

// What the HTTP says decides nothing but where a check says so by its needs: else
// an RP behind an adapter, which makes its HTTP up, would be judged by it.
func TestNeedOfHTTP(t *testing.T) {
	run := func(o target.Options) map[string]reports.Check {
		t.Helper()
		profile, err := reference.Profile("fido")
		if err != nil {
			t.Fatal(err)
		}
		o.URL, o.RPID, o.Origin, o.Seed = reference.Origin, reference.RPID, reference.Origin, []byte("seed")
		rp, err := target.New(profile, o)
		if err != nil {
			t.Fatal(err)
		}
		report, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{rp}, Clients: []client.Client{client.NewVirtual()}, Seed: "seed"})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]reports.Check{}
		for _, c := range report.Checks {
			out[c.ID] = c
		}
		return out
	}
	needs := func(id string) bool {
		c, ok := suites.Find(id)
		return ok && slices.Contains(c.Needs, target.FeatureHTTP)
	}
	plain := run(target.Options{Handler: referenceServer(t)})
	rewritten := run(target.Options{Transport: &rewriter{handler: referenceServer(t)}})
	behind := run(target.Options{Transport: &rewriter{handler: referenceServer(t)}, Adapter: "a program"})
	if len(plain) < 500 || len(rewritten) != len(plain) || len(behind) != len(plain) {
		t.Fatalf("%d checks, rewritten %d, behind an adapter %d", len(plain), len(rewritten), len(behind))
	}
	wanted := 0
	for id, c := range plain {
		got := rewritten[id]
		same := got.Verdict == c.Verdict && got.Message == c.Message && slices.Equal(got.Notes, c.Notes)
		switch {
		case needs(id):
			wanted++
			if same {
				t.Errorf("%s needs %s, and a gateway that rewrites all of it is not found out: %s %q %v", id, target.FeatureHTTP, c.Verdict, got.Message, got.Notes)
			}
			if v := behind[id].Verdict; v != reports.NotApplicable {
				t.Errorf("%s behind an adapter: %s, want not applicable", id, v)
			}
		case !same:
			t.Errorf("%s hangs on HTTP and does not say so: %s (%s%v), rewritten %s (%s%v)", id, c.Verdict, c.Message, c.Notes, got.Verdict, got.Message, got.Notes)
		case behind[id].Verdict != c.Verdict:
			t.Errorf("%s: %s, and behind an adapter %s", id, c.Verdict, behind[id].Verdict)
		}
	}
	if wanted == 0 {
		t.Error("no check of the dialect fido needs HTTP")
	}
}
