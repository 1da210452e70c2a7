package virtualauth

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// origin is a tuple origin of a page.
type origin struct{ scheme, host, port string }

// parseOrigin reads an origin as it is serialised: scheme, host and port only.
func parseOrigin(s string) (origin, bool) {
	if host, ok := strings.CutPrefix(s, "https://"); ok && plainHost(host) {
		return origin{"https", host, ""}, true
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return origin{}, false
	}
	return origin{u.Scheme, strings.ToLower(u.Hostname()), u.Port()}, true
}

// withoutDefaultPort is the origin as it is compared.
func (o origin) withoutDefaultPort() origin {
	if o.scheme == "https" && o.port == "443" || o.scheme == "http" && o.port == "80" {
		o.port = ""
	}
	return o
}

// plainHost says whether a host is lower-case letters, digits, hyphens and dots,
// which needs no parsing.
func plainHost(host string) bool {
	for i := range len(host) {
		if c := host[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return host != ""
}

func isLoopbackName(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func isIP(host string) bool {
	if host == "" || host[len(host)-1] >= 'a' && host[len(host)-1] <= 'z' && !strings.Contains(host, ":") {
		return false // no address without colons ends in a letter, and parsing costs
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// page checks that a page on the origin may use WebAuthn at all: a secure
// context with a domain (https://www.w3.org/TR/webauthn-3/#sctn-createCredential, effective domain).
func page(s string) (origin, error) {
	o, ok := parseOrigin(s)
	if !ok {
		return o, refuse(errSecurity, "%q is not an origin: write it as https://rp.example", s)
	}
	if o.scheme != "https" && !(o.scheme == "http" && isLoopbackName(o.host)) {
		return o, refuse(errSecurity, "%s is not a secure context", s)
	}
	if isIP(o.host) {
		return o, refuse(errSecurity, "the host of %s is an address and not a domain", s)
	}
	return o, nil
}

// claims says whether a page on o may use the RP ID: it must be the host or a
// registrable suffix of it at a label boundary
// (https://html.spec.whatwg.org/multipage/browsers.html#is-a-registrable-domain-suffix-of-or-is-equal-to).
func (o origin) claims(rpID string) bool {
	if rpID == o.host {
		return true
	}
	if !strings.HasSuffix(o.host, "."+rpID) || rpID == "" || strings.HasPrefix(rpID, ".") {
		return false
	}
	site, err := publicsuffix.EffectiveTLDPlusOne(rpID)
	return err == nil && (site == rpID || strings.HasSuffix(rpID, "."+site))
}

// site is the registrable domain of a host, or the host where it has none.
func site(host string) string {
	if s, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return s
	}
	return host
}

// appIDFor judges an AppID that a page on o asks for, and returns the AppID to
// use: the FIDO AppID and Facet rules as browsers have them
// (https://www.w3.org/TR/webauthn-3/#sctn-appid-extension), which is the
// page's own site over https, and no fetching of facet lists.
func (o origin) appIDFor(s, pageOrigin string) (string, error) {
	if s == "" {
		return pageOrigin, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" {
		return "", refuse(errSyntax, "AppID %q is not a URL", s)
	}
	if o.scheme != "https" {
		return "", refuse(errSecurity, "a page that is not on https has no AppID")
	}
	host := strings.ToLower(u.Hostname())
	if u.Scheme != "https" || host == "" || isIP(host) {
		return "", refuse(errSecurity, "AppID %q is not an https URL with a domain", s)
	}
	if suffix, _ := publicsuffix.PublicSuffix(host); suffix == host && host != o.host {
		return "", refuse(errSecurity, "the host of AppID %q is a public suffix", s)
	}
	if site(host) != site(o.host) {
		return "", refuse(errSecurity, "AppID %q is not on the site of %s", s, pageOrigin)
	}
	return s, nil
}
