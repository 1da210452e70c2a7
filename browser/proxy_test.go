package browser

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestProxy(t *testing.T) {
	p, err := newProxy("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, origin := range []string{"https://rp.example", "https://rp.example:8443", "http://localhost:1234", "http://localhost"} {
		if err := p.serve(origin); err != nil {
			t.Fatal(err)
		}
	}
	self := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", p.port())}
	browser := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy:           func(*http.Request) (*url.URL, error) { return self, nil },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // as the browsers are told to
	}}
	defer browser.CloseIdleConnections()
	for address, want := range map[string]int{
		"https://rp.example/":                      http.StatusOK,
		"https://rp.example:8443/":                 http.StatusOK,
		"http://localhost:1234/":                   http.StatusOK,
		"http://localhost/":                        http.StatusOK,
		"https://rp.example/.well-known/webauthn":  http.StatusNotFound,
		"http://rp.example/":                       http.StatusForbidden,
		"http://localhost:4321/":                   http.StatusForbidden,
		self.String() + "/":                        http.StatusForbidden,
		"https://elsewhere.example/":               0,
		"https://rp.example:8444/":                 0,
		"https://other.example/.well-known/x.json": 0,
	} {
		r, err := browser.Get(address)
		if want == 0 {
			if err == nil {
				r.Body.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "Forbidden") {
				t.Errorf("%s: got %v, want a refusal to connect", address, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != want || strings.Contains(string(body), "globalThis.touchstone") != (want == http.StatusOK) {
			t.Errorf("%s: HTTP %d with %.80q, %v", address, r.StatusCode, body, err)
		}
		if r.TLS != nil && r.TLS.PeerCertificates[0].VerifyHostname("rp.example") != nil {
			t.Errorf("%s: the certificate is for %v", address, r.TLS.PeerCertificates[0].DNSNames)
		}
	}
	// A tunnel in which nobody speaks TLS ends with the proxy.
	conn, err := net.Dial("tcp", self.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "CONNECT rp.example:443 HTTP/1.1\r\nHost: rp.example:443\r\n\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	p.close()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.Copy(io.Discard, in); err != nil {
		t.Errorf("the tunnel is still open: %v", err)
	}
	if _, err := net.DialTimeout("tcp", self.Host, time.Second); err == nil {
		t.Error("a closed proxy listens")
	}
}
