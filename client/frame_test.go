package client

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestDelegated(t *testing.T) {
	const own, embedder = "https://rp.example", "https://embedder.test"
	for _, tc := range []struct {
		allow, parent string
		create, get   bool
	}{
		{AllowBoth, embedder, true, true},
		{"", embedder, false, false},
		{"", own, true, true},
		{"publickey-credentials-get", embedder, false, true},
		{"publickey-credentials-get", own, true, true},
		{"fullscreen *; PublicKey-Credentials-Create *;", embedder, true, false},
		{"publickey-credentials-create 'none'", own, false, true},
		{"publickey-credentials-create 'self'", embedder, false, false},
		{"publickey-credentials-create 'self'", own, true, true},
		{"publickey-credentials-create 'SRC' https://other.test", embedder, true, false},
		{"publickey-credentials-create https://other.test https://rp.example", embedder, true, false},
		{"publickey-credentials-create https://other.test", embedder, false, false},
		{" ; ;publickey-credentials-createx", embedder, false, false},
	} {
		if got := delegated(tc.allow, createFeature, tc.parent, own); got != tc.create {
			t.Errorf("%q in %s: create() is %v", tc.allow, tc.parent, got)
		}
		if got := delegated(tc.allow, getFeature, tc.parent, own); got != tc.get {
			t.Errorf("%q in %s: get() is %v", tc.allow, tc.parent, got)
		}
	}
}

// TestFrames: a page knows that it is framed across origins by all that is around
// it, and not by the top page alone.
func TestFrames(t *testing.T) {
	const own, other = "https://rp.example", "https://other.test"
	none := ""
	for name, tc := range map[string]struct {
		cfg  SessionConfig
		want string // the origin in topOrigin, "same" for none, or an error
	}{
		"no frame":              {SessionConfig{}, "same"},
		"of its own origin":     {SessionConfig{TopOrigin: own, Untouched: true, Allow: &none}, "same"},
		"of another":            {SessionConfig{TopOrigin: other}, other},
		"another in between":    {SessionConfig{TopOrigin: own, Between: []string{other}}, own},
		"its own in between":    {SessionConfig{TopOrigin: other, Between: []string{own}}, other},
		"nobody clicked":        {SessionConfig{TopOrigin: other, Untouched: true}, "NotAllowedError"},
		"not allowed":           {SessionConfig{TopOrigin: other, Allow: &none}, "NotAllowedError"},
		"allowed by the nearer": {SessionConfig{TopOrigin: other, Between: []string{own}, Allow: &none}, other},
	} {
		tc.cfg.Origin, tc.cfg.Seed = own, []byte("frames")
		s, err := NewVirtual().Open(t.Context(), tc.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plug(t.Context(), AuthenticatorConfig{}); err != nil {
			t.Fatal(err)
		}
		r, err := s.Create(t.Context(), []byte(`{"challenge":"AAEC","rp":{"name":"x"},"user":{"id":"AAEC","name":"n","displayName":"d"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]}`))
		got := ""
		var refused *Error
		switch {
		case errors.As(err, &refused):
			got = refused.Name
		case err != nil:
			t.Fatal(err)
		default:
			var data struct {
				CrossOrigin bool
				TopOrigin   string
			}
			if err := json.Unmarshal(r.Response.ClientDataJSON, &data); err != nil {
				t.Fatal(err)
			}
			if got = data.TopOrigin; got == "" && !data.CrossOrigin {
				got = "same"
			}
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func FuzzDelegated(f *testing.F) {
	for _, allow := range []string{"", AllowBoth, "publickey-credentials-create 'none'; x", "; publickey-credentials-create * 'self'"} {
		f.Add(allow)
	}
	f.Fuzz(func(t *testing.T, allow string) {
		delegated(allow, createFeature, "https://embedder.test", "https://rp.example") // no panic
		if !delegated(createFeature+" *;"+allow, createFeature, "https://embedder.test", "https://rp.example") {
			t.Errorf("%q takes back what stands before it", allow)
		}
	})
}
