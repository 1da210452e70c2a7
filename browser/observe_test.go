package browser

import (
	"bytes"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// TestChromeTells: a session's events have its credentials, without keys, and
// what the browser logs, and nothing of the session before.
func TestChromeTells(t *testing.T) {
	c := theChrome(t)
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	p.create(creation())
	seen := client.Observant(p.session)
	var kinds, text string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		kinds, text = "", ""
		for _, e := range seen.Events() {
			kinds += e.Kind + " "
			text += e.Text + "\n"
		}
		if strings.Contains(kinds, "credential-added") {
			break
		}
	}
	if !strings.Contains(kinds, "credential-added") || !strings.Contains(text, "rp.example") {
		t.Errorf("the events are %q:\n%s", kinds, text)
	}
	if strings.Contains(strings.ToLower(text), "privatekey") {
		t.Errorf("a private key is in the events:\n%s", text)
	}
	// Chrome warns of options that leave out its two usual algorithms.
	p.create(creation().with(options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": -8}}}))
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		found := false
		for _, e := range seen.Events() {
			found = found || e.Kind == "console" && strings.Contains(e.Text, "pubKeyCredParams")
		}
		if found {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("Chrome's own warning is not among the events: %v", seen.Events())
			break
		}
	}
	_ = p.session.Close()
	if n := len(openPage(t, c, rpOrigin).Events()); n != 0 {
		t.Errorf("a new session begins with %d events", n)
	}
}

func TestScreenshots(t *testing.T) {
	for name, open := range map[string]func(*testing.T) client.Client{
		"chrome":  func(t *testing.T) client.Client { return theChrome(t) },
		"firefox": func(t *testing.T) client.Client { return theFirefox(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := open(t).Open(t.Context(), client.SessionConfig{Origin: rpOrigin})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Plug(t.Context(), client.AuthenticatorConfig{}); err != nil {
				t.Fatal(err)
			}
			before := create(t, s)
			after := create(t, s)
			if bytes.Equal(before.Data, after.Data) {
				t.Error("the picture does not show the ceremony")
			}
			config, format, err := image.DecodeConfig(bytes.NewReader(after.Data))
			if err != nil || "image/"+format != after.MediaType || config.Width < 400 {
				t.Errorf("the picture is %s %dx%d (%s): %v", format, config.Width, config.Height, after.MediaType, err)
			}
			if len(after.Data) > 256<<10 {
				t.Errorf("the picture has %d bytes", len(after.Data))
			}
			t.Logf("%s, %d bytes, %dx%d", after.MediaType, len(after.Data), config.Width, config.Height)
		})
	}
}

// create runs create() and takes a picture.
func create(t *testing.T, s client.Session) client.Picture {
	t.Helper()
	if _, err := s.Create(t.Context(), creation().json(t)); err != nil {
		t.Fatal(err)
	}
	picture, err := s.(client.Observant).Screenshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return picture
}
