package browser

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// startChromedriver starts chromedriver on a free port, and returns the address
// of headless browsers behind it.
func startChromedriver(t testing.TB) (address string, process *exec.Cmd) {
	t.Helper()
	path, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skipf("optional: there is no chromedriver (Debian's package chromium-driver, make verify-tools): %v", err)
	}
	cmd := exec.Command(path, "--port=0")
	cmd.Dir = t.TempDir()
	own(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill(cmd)
		_ = cmd.Wait()
	})
	started := regexp.MustCompile(`started successfully on port (\d+)`)
	port := ""
	lines := bufio.NewScanner(out)
	for port == "" && lines.Scan() {
		if m := started.FindStringSubmatch(lines.Text()); m != nil {
			port = m[1]
		}
	}
	if port == "" {
		t.Fatal("chromedriver did not say where it listens")
	}
	args := `"--headless=new","--disable-gpu","--no-first-run","--disable-background-networking","--disable-component-update"`
	if os.Geteuid() == 0 {
		args += `,"--no-sandbox"`
	}
	q := url.Values{"browserName": {"chrome"}, "goog:chromeOptions": {`{"args":[` + args + `]}`}}
	return "http://127.0.0.1:" + port + "?" + q.Encode(), cmd
}

func ownWebDriver(t testing.TB, cfg WebDriverConfig) *driven {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := NewWebDriver(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*driven)
}

func TestWebDriver(t *testing.T) {
	address, _ := startChromedriver(t)
	c := ownWebDriver(t, WebDriverConfig{URL: address})
	if c.Name() != "webdriver" || !regexp.MustCompile(`^chrome \d+\.`).MatchString(c.Version()) {
		t.Errorf("it is %q %q", c.Name(), c.Version())
	}
	for _, a := range webdriverAbilities() {
		if !c.Carries(a) {
			t.Errorf("it does not carry %s", a)
		}
	}
	for origin, rpID := range map[string]string{
		"https://rp.example":            "rp.example",
		"https://login.rp.example:8443": "login.rp.example",
		"http://localhost:1234":         "localhost",
	} {
		t.Run(origin, func(t *testing.T) { testDrivenCeremonies(t, c, origin, rpID) })
	}
	t.Run("one authenticator answers", func(t *testing.T) { testOneAnswers(t, c) })
	t.Run("turns", func(t *testing.T) { testTurns(t, c) })
	t.Run("frames", func(t *testing.T) { testFrames(t, c) })
	t.Run("related origins", func(t *testing.T) { testRelated(t, c) })
	t.Run("U2F", func(t *testing.T) {
		v := openView(t, c, rpOrigin)
		a := v.plug(client.AuthenticatorConfig{U2F: true})
		k := importCredential(t, v.ctx, a, appID)
		v.createRefused(creation().with(options{
			"excludeCredentials": descriptors(k.ID), "extensions": options{"appidExclude": appID},
		}), "InvalidStateError")
		got := v.get(request(k.ID).with(options{"extensions": options{"appid": appID}}))
		if string(got.Response.ClientExtensionResults["appid"]) != "true" || got.Credential.RPID != appID {
			t.Errorf("the results are %s of %+v", got.Response.ClientExtensionResults, got.Credential)
		}
		o := creation().with(options{"attestation": "direct"})
		if parsed := verifyRegistration(t, v.create(o).Response, o, rpOrigin, "rp.example"); parsed.Response.AttestationObject.Format != "fido-u2f" {
			t.Errorf("the format is %s", parsed.Response.AttestationObject.Format)
		}
	})
	t.Run("flags", func(t *testing.T) {
		v := openView(t, c, rpOrigin)
		v.plug(client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true, BackupEligible: true, BackupState: true})
		o := creation()
		r := v.create(o)
		flags := verifyRegistration(t, r.Response, o, rpOrigin, "rp.example").Response.AttestationObject.AuthData.Flags
		if !flags.HasBackupEligible() || !flags.HasBackupState() || !flags.HasUserVerified() || !r.Credential.BackupEligible || !r.Credential.BackupState {
			t.Errorf("the flags are %#x, of %+v", flags, r.Credential)
		}
	})
	t.Run("refused configurations", func(t *testing.T) {
		v := openView(t, c, rpOrigin)
		for want, cfg := range map[string]client.AuthenticatorConfig{
			"attestation key":    {SelfAttestation: true},
			"transport hybrid":   {U2F: true, Transport: "hybrid"},
			`transport "carrier`: {Transport: "carrier pigeon"},
		} {
			if _, err := v.Plug(v.ctx, cfg); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", want, err)
			}
		}
	})
}

func TestWebDriverSessionEnds(t *testing.T) {
	address, process := startChromedriver(t)
	c := ownWebDriver(t, WebDriverConfig{URL: address})
	v := openView(t, c, rpOrigin)
	v.plug(verifying)
	// The session is taken away, as a Grid does with one that is idle.
	c.stage.driver.close()
	if _, err := v.Create(v.ctx, creation().json(t)); !errors.Is(err, errStoppedDriven) {
		t.Errorf("a session that has ended gave %v", err)
	}
	w := openView(t, c, rpOrigin)
	w.plug(verifying)
	w.create(creation())
	w.Close()

	// With its driver gone there is no other one.
	kill(process)
	if s, err := c.Open(testContext(t), client.SessionConfig{Origin: rpOrigin}); err == nil || !strings.Contains(err.Error(), "start webdriver") {
		if err == nil {
			s.Close()
		}
		t.Errorf("with no driver Open gave %v", err)
	}
}

func TestWebDriverAddress(t *testing.T) {
	for _, tc := range []struct{ address, base, capabilities, proxyHost string }{
		{"http://127.0.0.1:9515", "http://127.0.0.1:9515", "map[]", ""},
		{"http://grid.test:4444/wd/hub/?browserName=chrome", "http://grid.test:4444/wd/hub", "map[browserName:chrome]", ""},
		{"https://u:p@grid.test?proxyHost=10.0.0.7&browserName=firefox&browserVersion=153", "https://u:p@grid.test", "map[browserName:firefox browserVersion:153]", "10.0.0.7"},
		{`http://grid.test?goog:chromeOptions={"args":["--headless"]}&se:recordVideo=true`, "http://grid.test", "map[goog:chromeOptions:map[args:[--headless]] se:recordVideo:true]", ""},
	} {
		base, capabilities, proxyHost, err := parseWebDriverURL(tc.address)
		if err != nil || base.String() != tc.base || fmt.Sprint(capabilities) != tc.capabilities || proxyHost != tc.proxyHost {
			t.Errorf("%s: %v %v %q, %v", tc.address, base, capabilities, proxyHost, err)
		}
	}
	for address, want := range map[string]string{
		"":                                    "want http://host:port",
		"grid.test:4444":                      "want http://host:port",
		"ftp://grid.test":                     "want http://host:port",
		"http://":                             "want http://host:port",
		"http://%zz":                          "no URL",
		"http://x?a=1;b=2":                    "the query cannot be read",
		"http://x?browserName=a&browserName=": "browserName is there 2 times",
		"http://x?proxy=none":                 "proxy is Touchstone's own",
	} {
		if _, err := NewWebDriver(t.Context(), WebDriverConfig{URL: address}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", address, err, want)
		}
	}
}

func FuzzWebDriverAddress(f *testing.F) {
	f.Add(`http://grid.test:4444/wd/hub?browserName=chrome&goog:chromeOptions={"args":[]}&proxyHost=x`)
	f.Add("http://%zz?;")
	f.Fuzz(func(t *testing.T, address string) {
		base, _, _, err := parseWebDriverURL(address)
		if err == nil && (base.Hostname() == "" || base.RawQuery != "") {
			t.Errorf("%q became %s", address, base)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("the error has several lines: %q", err)
		}
	})
}

// TestWebDriverStrangers meets servers that are no drivers, or refuse.
func TestWebDriverStrangers(t *testing.T) {
	for want, answer := range map[string]http.HandlerFunc{
		"no answer of a WebDriver": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"names none":               func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"value":{}}`) },
		"no error of a WebDriver": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, `{"value":7}`)
		},
		"session not created: no such browser": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/wd/hub/session" {
				t.Errorf("the path is %s", r.URL.Path)
			}
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"value":{"error":"session not created","message":"no such browser\nbuild info","stacktrace":""}}`)
		},
		"no answer within 300ms": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is the client's going away noticed
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		},
	} {
		server := httptest.NewServer(answer)
		address := strings.Replace(server.URL, "//", "//user:secret@", 1) + "/wd/hub?token=secret"
		_, err := NewWebDriver(testContext(t), WebDriverConfig{URL: address, StartTimeout: 300 * time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q in it", err, want)
		}
		server.CloseClientConnections()
		server.Close()
	}
}
