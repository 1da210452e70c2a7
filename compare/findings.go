package compare

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
)

// Finding is something of the options that is the Relying Party's to mend,
// whatever a client makes of it.
type Finding struct {
	// Path is the member.
	Path   string `json:"path"`
	Text   string `json:"text"`
	Anchor string `json:"anchor"`
	// Must: a client is bound to refuse the options for it.
	Must bool `json:"must"`
}

// findings reads the options as Web IDL and the first steps of create() and get() do.
func findings(in Input) []Finding {
	f := finder{asked: read(in), origin: in.Origin, related: in.Related}
	switch {
	case in.Call.Method != "create" && in.Call.Method != "get" || in.Call.Bare:
		return nil
	case in.Call.Method == "create":
		f.creation()
	default:
		f.request()
	}
	f.both()
	return f.out
}

type finder struct {
	asked
	origin string
	// related are the lists of RP IDs as far as they are known.
	related map[string][]string
	out     []Finding
}

func (f *finder) must(path, anchor, format string, args ...any) {
	f.out = append(f.out, Finding{path, fmt.Sprintf(format, args...), webauthn + anchor, true})
}

func (f *finder) should(path, anchor, format string, args ...any) {
	f.out = append(f.out, Finding{path, fmt.Sprintf(format, args...), webauthn + anchor, false})
}

// required says whether the member is there.
func (f *finder) required(dictionary string, path ...string) bool {
	if f.has(path...) {
		return true
	}
	f.must(strings.Join(path, "."), dictionary, "the member is required and missing")
	return false
}

// buffer finds what a page cannot turn into bytes.
func (f *finder) buffer(path string, v any) (size int, ok bool) {
	switch v := v.(type) {
	case string:
		if !unpaddedBase64URL(v) {
			f.must(path, "base64url-encoding", "%q is not base64url without padding", shorten(v))
			return 0, false
		}
		return len(v) * 3 / 4, true
	case map[string]any:
		for name := range v {
			if len(v) == 1 && (name == "$buffer" || name == "$view" || name == "$dataview") && !f.json {
				return 0, false
			}
		}
	case missing:
		return 0, false
	}
	f.must(path, "iface-pkcredential", "it must be bytes, base64url in JSON, and is %s", kind(v))
	return 0, false
}

func (f *finder) creation() {
	f.out = nil
	if f.required("dictdef-publickeycredentialcreationoptions", "rp") {
		f.required("dictdef-publickeycredentialentity", "rp", "name")
		if rp, ok := f.at("rp").(map[string]any); ok {
			if _, nested := rp["entity"]; nested {
				f.should("rp.entity", "dictdef-publickeycredentialrpentity", "there is no such member: clients ignore it, and an id in it")
			}
		}
		f.rpID("rp.id", f.at("rp", "id"))
	}
	if f.required("dictdef-publickeycredentialcreationoptions", "user") {
		f.required("dictdef-publickeycredentialentity", "user", "name")
		f.required("dictdef-publickeycredentialuserentity", "user", "displayName")
		if f.required("dictdef-publickeycredentialuserentity", "user", "id") {
			if size, ok := f.buffer("user.id", f.at("user", "id")); ok && size > 64 {
				f.must("user.id", "dom-publickeycredentialuserentity-id", "it has %d bytes, and 64 are the most", size)
			} else if ok && size == 0 {
				f.should("user.id", "dom-publickeycredentialuserentity-id", "it must not be empty")
			}
		}
	}
	if f.has("pubKeyCredParam") {
		f.should("pubKeyCredParam", "dom-publickeycredentialcreationoptions-pubkeycredparams", "there is no such member; it is pubKeyCredParams")
	}
	if !f.required("dictdef-publickeycredentialcreationoptions", "pubKeyCredParams") {
		return
	}
	list, ok := f.at("pubKeyCredParams").([]any)
	if !ok {
		f.must("pubKeyCredParams", "dictdef-publickeycredentialparameters", "it must be a list and is %s", kind(f.at("pubKeyCredParams")))
		return
	}
	known := 0
	for i, v := range list {
		path := fmt.Sprintf("pubKeyCredParams[%d]", i)
		o, ok := v.(map[string]any)
		if !ok {
			f.must(path, "dictdef-publickeycredentialparameters", "it must be an object and is %s", kind(v))
			continue
		}
		for _, name := range []string{"type", "alg"} {
			if _, ok := o[name]; !ok {
				f.must(path+"."+name, "dictdef-publickeycredentialparameters", "the member is required and missing")
			}
		}
		if o["type"] == "public-key" {
			known++
		}
		if alg, there := o["alg"]; there {
			n, isNumber := alg.(float64)
			if !isNumber || n != math.Trunc(n) || n < math.MinInt32 || n > math.MaxInt32 {
				got, ok := number(alg)
				if !ok {
					got = 0
				}
				f.should(path+".alg", "typedefdef-cosealgorithmidentifier", "it must be a COSE algorithm number and is %s: a browser takes it for %d", kind(alg), int32(uint32(int64(math.Mod(math.Trunc(got), 1<<32)))))
			}
		}
	}
	if len(list) > 0 && known == 0 {
		f.must("pubKeyCredParams", "sctn-createCredential", "no member has the type public-key")
	}
	if known > 0 && !f.offers(-7) && !f.offers(-257) {
		f.should("pubKeyCredParams", "dom-publickeycredentialcreationoptions-pubkeycredparams", "neither ES256 (-7) nor RS256 (-257) is offered, which most authenticators have alone")
	}
	if f.has("extensions", "appid") {
		f.must("extensions.appid", "sctn-appid-extension", "the extension is for get(); create() has appidExclude")
	}
	f.appID("appidExclude", "sctn-appid-exclude-extension")
	if f.has("extensions", "prf", "evalByCredential") {
		f.must("extensions.prf.evalByCredential", "prf-extension", "it is for get()")
	}
	for _, name := range []string{"read", "write"} {
		if f.has("extensions", "largeBlob", name) {
			f.must("extensions.largeBlob."+name, "sctn-large-blob-extension", "it is for get()")
		}
	}
}

func (f *finder) request() {
	f.rpID("rpId", f.at("rpId"))
	f.appID("appid", "sctn-appid-extension")
	if f.has("extensions", "prf", "evalByCredential") && len(f.list("allowCredentials")) == 0 {
		f.must("extensions.prf.evalByCredential", "prf-extension", "it needs allowCredentials")
	}
	if f.has("extensions", "largeBlob", "support") {
		f.must("extensions.largeBlob.support", "sctn-large-blob-extension", "it is for create()")
	}
}

func (f *finder) both() {
	if f.required("dom-publickeycredentialcreationoptions-challenge", "challenge") {
		if size, ok := f.buffer("challenge", f.at("challenge")); ok && size < 16 {
			f.should("challenge", "sctn-cryptographic-challenges", "it has %d bytes and should have at least 16", size)
		}
	}
	if v := f.at("timeout"); v != any(missing{}) {
		if n, ok := v.(float64); !ok || n <= 0 {
			f.should("timeout", "sctn-timeout-recommended-range", "it must be a number of milliseconds above 0 and is %s", kind(v))
		}
	}
	name, _ := f.descriptors()
	if v := f.at(name); v != any(missing{}) {
		list, ok := v.([]any)
		if !ok {
			f.must(name, "dictdef-publickeycredentialdescriptor", "it must be a list and is %s", kind(v))
		}
		known, unknown := types(list)
		if unknown > 0 {
			f.should(name, "dom-publickeycredentialdescriptor-type", "%d of %d members have a type that no client knows", unknown, unknown+known)
		}
		if len(list) > 64 {
			f.should(name, "dom-publickeycredentialcreationoptions-excludecredentials", "it has %d members, and Chrome takes 64", len(list))
		}
		for i, v := range list {
			if len(f.out) > 20 {
				break
			}
			path := fmt.Sprintf("%s[%d]", name, i)
			o, ok := v.(map[string]any)
			if !ok {
				f.must(path, "dictdef-publickeycredentialdescriptor", "it must be an object and is %s", kind(v))
				continue
			}
			for _, member := range []string{"type", "id"} {
				if _, ok := o[member]; !ok {
					f.must(path+"."+member, "dictdef-publickeycredentialdescriptor", "the member is required and missing")
				}
			}
			if id, ok := o["id"]; ok {
				f.buffer(path+".id", id)
			}
			if transports, ok := o["transports"]; ok {
				f.strings(path+".transports", transports, "dom-publickeycredentialdescriptor-transports")
			}
		}
	}
	if v := f.at("hints"); v != any(missing{}) {
		f.strings("hints", v, "enum-hints")
	}
	for _, e := range []struct {
		path   []string
		values []string
		anchor string
	}{
		{[]string{"attestation"}, []string{"none", "indirect", "direct", "enterprise"}, "enum-attestation-convey"},
		{[]string{"userVerification"}, []string{"required", "preferred", "discouraged"}, "enum-userVerificationRequirement"},
		{[]string{"authenticatorSelection", "userVerification"}, []string{"required", "preferred", "discouraged"}, "enum-userVerificationRequirement"},
		{[]string{"authenticatorSelection", "residentKey"}, []string{"required", "preferred", "discouraged"}, "enum-residentKeyRequirement"},
		{[]string{"authenticatorSelection", "authenticatorAttachment"}, []string{"platform", "cross-platform"}, "enum-attachment"},
	} {
		if v := f.at(e.path...); v != any(missing{}) {
			if s, ok := v.(string); !ok || !slices.Contains(e.values, s) {
				f.should(strings.Join(e.path, "."), e.anchor, "%s is none of %s: clients treat it as absent", kind(v), strings.Join(e.values, ", "))
			}
		}
	}
	if v := f.at("authenticatorSelection", "requireResidentKey"); v != any(missing{}) {
		if _, ok := v.(bool); !ok {
			f.should("authenticatorSelection.requireResidentKey", "dom-authenticatorselectioncriteria-requireresidentkey", "it must be true or false and is %s, which a browser converts: any text but the empty one is true", kind(v))
		}
	}
	if ext, ok := f.at("extensions").(map[string]any); ok {
		for _, name := range sortedKeys(ext) {
			if !slices.Contains(knownExtensions, name) {
				f.should("extensions."+name, "sctn-extensions", "browsers do not know this extension and drop it without a word")
			}
		}
	}
}

// knownExtensions are those that a browser has been seen to know.
var knownExtensions = []string{
	"appid", "appidExclude", "credProps", "prf", "largeBlob", "credBlob", "getCredBlob", "minPinLength", "hmacCreateSecret",
	"credentialProtectionPolicy", "enforceCredentialProtectionPolicy", "payment",
}

func (f *finder) strings(path string, v any, anchor string) {
	if _, ok := v.([]any); !ok {
		f.must(path, anchor, "it must be a list of texts and is %s", kind(v))
	}
}

// rpID finds what is no RP ID of the page, as far as can be told without the
// public suffix list and related origins.
func (f *finder) rpID(path string, v any) {
	if v == any(missing{}) {
		return
	}
	s, ok := v.(string)
	host := rpID(f.origin)
	if !ok {
		f.must(path, "rp-id", "it must be a domain and is %s, which a browser reads as text", kind(v))
		return
	}
	if s == host || s != "" && strings.HasSuffix(host, "."+s) || slices.Contains(f.related[s], f.origin) {
		return
	}
	f.must(path, "rp-id", "%q is neither %s nor a suffix of it, so that a page of %s may claim it only if its /.well-known/webauthn lists the origin", s, host, f.origin)
}

func (f *finder) appID(name, anchor string) {
	s, ok := f.at("extensions", name).(string)
	if !ok || s == "" {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		f.must("extensions."+name, anchor, "%q is not a URL", s)
	case u.Scheme != "https":
		f.must("extensions."+name, anchor, "%q is not on https", s)
	default:
		host, page := u.Hostname(), rpID(f.origin)
		if host != page && !strings.HasSuffix(host, "."+page) && !strings.HasSuffix(page, "."+host) && lastLabels(host) != lastLabels(page) {
			f.must("extensions."+name, anchor, "%q is not on the site of %s", s, f.origin)
		}
	}
}

// lastLabels is the last two labels of a domain, close enough to its site for a hint.
func lastLabels(host string) string {
	labels := strings.Split(host, ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// kind names a value for a person.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the text %q", shorten(v))
	case bool:
		return fmt.Sprint(v)
	case float64:
		return fmt.Sprintf("the number %v", v)
	case []any:
		return "a list"
	case map[string]any:
		if len(v) == 1 {
			for name, of := range v {
				switch name {
				case "$number":
					return fmt.Sprint(of)
				case "$string":
					return fmt.Sprintf("the text %q", shorten(fmt.Sprint(of)))
				}
			}
		}
		return "an object"
	default:
		return "missing"
	}
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
