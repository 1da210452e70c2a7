package browser

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// proxy is an HTTP proxy that connects to nothing: it answers for the origins
// that it was told of, with the page that ceremonies run on, and refuses all
// others. A browser that has it as its only way out is confined, and has pages
// on any https origin without a server, DNS or port 443. Its certificates are
// signed by themselves, so the browser must have been told to accept them.
type proxy struct {
	listener net.Listener
	plain    *http.Server // proxy requests
	secure   *http.Server // requests inside of CONNECT
	tunnels  *tunnels

	key *ecdsa.PrivateKey
	// spki is the base64 of the SHA-256 of the certificates' SubjectPublicKeyInfo.
	spki string

	mu      sync.Mutex
	hosts   map[string]bool // host:port
	related map[string][]string
	certs   map[string]*tls.Certificate
}

// newProxy listens on a free port of the address, such as 127.0.0.1.
func newProxy(address string) (*proxy, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for the browser's requests: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the proxy's key: %w", err), l.Close())
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the proxy's key: %w", err), l.Close())
	}
	spki := sha256.Sum256(public)
	p := &proxy{
		listener: l, key: key, spki: base64.StdEncoding.EncodeToString(spki[:]),
		hosts: map[string]bool{}, related: map[string][]string{}, certs: map[string]*tls.Certificate{},
		tunnels: &tunnels{conns: make(chan net.Conn), done: make(chan struct{}), address: l.Addr()},
	}
	quiet := log.New(io.Discard, "", 0)
	p.plain = &http.Server{Handler: http.HandlerFunc(p.request), ReadHeaderTimeout: 10 * time.Second, ErrorLog: quiet}
	p.secure = &http.Server{Handler: http.HandlerFunc(p.answer), ReadHeaderTimeout: 10 * time.Second, ErrorLog: quiet}
	go func() { _ = p.plain.Serve(l) }() // ends with close
	go func() { _ = p.secure.Serve(p.tunnels) }()
	return p, nil
}

// port is the port it listens on.
func (p *proxy) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// serve makes it answer for the origin from now on.
func (p *proxy) serve(origin string) error {
	u, err := url.Parse(origin)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts[net.JoinHostPort(u.Hostname(), port)] = true
	return nil
}

func (p *proxy) serves(hostPort string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hosts[hostPort]
}

func (p *proxy) request(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.connect(w, r)
		return
	}
	host := r.Host
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "80")
	}
	if !p.serves(host) {
		http.Error(w, "no page is served for this origin", http.StatusForbidden)
		return
	}
	p.answer(w, r)
}

// wellKnown is where an RP ID lists its related origins
// (https://www.w3.org/TR/webauthn-3/#sctn-related-origins).
const wellKnown = "/.well-known/webauthn"

// relate makes it answer for the related origins of an RP ID. The browser's
// request does not tell for which session it is, so the lists of all sessions are
// one, the newest first, as a browser reads five labels of it.
func (p *proxy) relate(rpID string, origins []string) error {
	p.mu.Lock()
	all := slices.Clone(origins)
	for _, o := range p.related[rpID] {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	p.related[rpID] = all
	p.mu.Unlock()
	return p.serve("https://" + rpID)
}

// answer answers for a host that is served.
func (p *proxy) answer(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	p.mu.Lock()
	origins, ok := p.related[host]
	p.mu.Unlock()
	if ok && r.URL.Path == wellKnown {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"origins": origins}) // the browser may have gone away
		return
	}
	servePage(w, r)
}

// servePage answers with the page and its script; any other path has nothing.
func servePage(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, "%s<script>\n%s</script>\n", pageHTML, pageScript)
}

func (p *proxy) connect(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil || !p.serves(r.Host) {
		http.Error(w, "no page is served for this origin", http.StatusForbidden)
		return
	}
	cert, err := p.certificate(host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close() // the browser has gone away
		return
	}
	p.tunnels.hand(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"}}))
}

// certificate makes a certificate for the host, or returns the one it has.
func (p *proxy) certificate(host string) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.certs[host]; c != nil {
		return c, nil
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", host, err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "touchstone page"}, DNSNames: []string{host},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, p.key.Public(), p.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", host, err)
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: p.key}
	p.certs[host] = c
	return c, nil
}

func (p *proxy) close() {
	// Browsers keep connections open for ever, so there is nobody to wait for.
	_ = p.plain.Close()
	_ = p.tunnels.Close()
	_ = p.secure.Close()
}

// tunnels is a net.Listener for connections that came inside of others.
type tunnels struct {
	conns   chan net.Conn
	once    sync.Once
	done    chan struct{}
	address net.Addr
}

func (t *tunnels) hand(c net.Conn) {
	select {
	case t.conns <- c:
	case <-t.done:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.done:
		return nil, errors.New("the proxy is closed")
	}
}

// Close implements net.Listener.
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.done) })
	return nil
}

// Addr implements net.Listener.
func (t *tunnels) Addr() net.Addr { return t.address }
