package rp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	noCrash   = "touchstone/no-crash"
	creations = "/attestation/options"
	requests  = "/assertion/options"
	attested  = "/attestation/result"
	asserted  = "/assertion/result"
)

// sessionBugs give out sessions that nobody earned.
func sessionBugs() []httpBug {
	return []httpBug{
		{Bug: Bug{Name: "session-before-verification", Title: "logs in whom the options were for, before the assertion is verified", Class: "session",
			Requirement: "touchstone/refused-is-logged-out", Also: []string{"webauthn-3/7.2/step-25"}, Severity: "critical", ModelledOn: []string{"CVE-2026-126952"}},
			leaveOut: []string{"session.refused-login"}},
		{Bug: Bug{Name: "refusals-tell", Title: "tells of a refused login whether the user, the credential or the signature was wrong", Class: "enumeration",
			Requirement: "webauthn-3/14.6.2/results-alike", Severity: "medium", ModelledOn: []string{"CVE-2026-23511"}},
			leaveOut: []string{"answers.alike"}},
		{Bug: Bug{Name: "second-factor-skipped", Title: "gives a token before the second factor", Class: "session",
			Requirement: "touchstone/refused-is-logged-out", Severity: "critical", ModelledOn: []string{"CVE-2026-32879", "GHSA-hp74-gm6m-2qm5"}, Dialect: "fortanix"},
			leaveOut: []string{"fortanix.second-factor"}},
	}
}

// kept is an answer that is not sent yet.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

// answered runs the server and hands its answer to edit before it is sent.
func answered(paths []string, edit func(status int, body map[string]any) int) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		if !slices.Contains(paths, r.URL.Path) {
			answer(w, r)
			return
		}
		rec := &kept{header: http.Header{}, status: http.StatusOK}
		answer(rec, r)
		for name, values := range rec.header {
			w.Header()[name] = values
		}
		var body map[string]any
		if json.Unmarshal(rec.body.Bytes(), &body) != nil {
			w.WriteHeader(rec.status)
			_, _ = w.Write(rec.body.Bytes())
			return
		}
		status := edit(rec.status, body)
		// As the server itself would send it.
		_ = writeJSON(w, status, body)
	}
}

// and is b that breaks further requirements, too.
func (b httpBug) and(requirements ...string) httpBug {
	b.Also = append(b.Also, requirements...)
	return b
}

// breaks is b with another requirement than its kind's.
func (b httpBug) breaks(requirement string) httpBug {
	b.Requirement = requirement
	return b
}

// failOpenBugs answer success where reading the response failed: an exception
// handler that says ok.
func failOpenBugs() []httpBug {
	bug := func(name, title, requirement string, paths []string, open func(message string) bool) httpBug {
		return httpBug{Bug: Bug{Name: name, Title: title, Class: "fail-open", Requirement: requirement, Severity: "critical", Dialect: "fido",
			ModelledOn: []string{"cedarjs/cedar#2545"}},
			around: answered(paths, func(status int, body map[string]any) int {
				if message, _ := body["errorMessage"].(string); status >= 400 && open(message) {
					body["status"], body["errorMessage"] = "ok", ""
					return http.StatusOK
				}
				return status
			})}
	}
	at := func(prefixes ...string) func(string) bool {
		return func(message string) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(message, p) })
		}
	}
	create, get, each := []string{attested}, []string{asserted}, []string{attested, asserted}
	about := func(member string) func(string) bool {
		return func(message string) bool {
			return strings.HasPrefix(message, member+" ") || strings.HasPrefix(message, member+":") || strings.HasPrefix(message, "step 7") && strings.Contains(message, "has no "+strings.TrimPrefix(member, "response."))
		}
	}
	return []httpBug{
		bug("id-unread", "answers success where id is missing, empty or no text", "webauthn-3/5.1/id", each, about("id")),
		bug("client-data-unread", "answers success where clientDataJSON is missing, empty or no text", "webauthn-3/5.2/client-data-json", each, about("response.clientDataJSON")),
		bug("attestation-object-unread", "answers success where attestationObject is missing, empty or no text", "webauthn-3/5.2.1/attestation-object", create, about("response.attestationObject")),
		bug("authenticator-data-unread", "answers success where authenticatorData is missing, empty or no text", "webauthn-3/5.2.2/authenticator-data", get, about("response.authenticatorData")),
		bug("signature-unread", "answers success where signature is missing, empty or no text", "webauthn-3/5.2.2/signature", get, about("response.signature")),
		bug("user-handle-unread", "answers success where userHandle is no text", "webauthn-3/5.2.2/user-handle", get, about("response.userHandle")),
		bug("body-unreadable", "answers success where it cannot read the body", "webauthn-3/7.1/step-3", each, func(m string) bool { return !strings.Contains(m, "step ") }).and("webauthn-3/7.2/step-3", "webauthn-3/7.2/step-7"),
		bug("members-missing", "answers success where a member of the response is empty", "webauthn-3/7.1/step-3", each, at("step 7.1.3:", "step 7.2.3:")),
		bug("attestation-object-unreadable", "answers success where it cannot decode the attestation object", "webauthn-3/7.1/step-13", create, at("step 7.1.13:")),
		bug("no-credential-in-registration", "answers success where the authenticator data hold no credential", "webauthn-3/6.1/attested-data", create, at("step 7.1.13.attested-data")),
		bug("public-key-unreadable", "answers success where it cannot read the credential public key", "webauthn-3/6.5.1/cose-key", create, at("step 7.1.20.")),
		bug("authenticator-data-unreadable", "answers success where it cannot decode the authenticator data of an assertion", "webauthn-3/6.1/length", get, at("step 7.2.7:")),
		bug("client-data-not-json", "answers success where the client data are no JSON", "webauthn-3/7.1/step-6", each, at("step 7.1.6:", "step 7.2.9:")),
		bug("attestation-unverifiable", "answers success where an attestation procedure cannot read its statement", "webauthn-3/7.1/step-22", create, func(m string) bool {
			return strings.HasPrefix(m, "step 8.") && strings.Contains(m, "syntax")
		}),
		bug("duplicate-members", "answers success where a member of the client data stands twice", "webauthn-3/7.1/step-6", each, at("step 7.1.6.duplicates", "step 7.2.9.duplicates")),
	}
}

// drop removes members, however deep they lie.
func drop(v any, names ...string) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range names {
			delete(v, name)
		}
		for _, inner := range v {
			drop(inner, names...)
		}
	case []any:
		for _, inner := range v {
			drop(inner, names...)
		}
	}
}

// formBugs serve another form of a dialect than its clients expect.
func formBugs() []httpBug {
	return []httpBug{
		{Bug: Bug{Name: "fortanix-published-form", Title: "writes options as the vendor's document has them, which no browser takes", Class: "dialect",
			Requirement: "fortanix/alg-on-the-wire", Also: []string{"fortanix/entities-flattened"}, Severity: "high", Dialect: "fortanix"},
			configure: func(c *Config) { c.Fortanix.Form = FormPublished }},
		{Bug: Bug{Name: "fortanix-user-without-name", Title: "leaves out user.name, as the vendor's document allows and no browser does", Class: "dialect",
			Requirement: "webauthn-3/5.4/user-name", Severity: "high", Dialect: "fortanix"},
			configure: func(c *Config) { c.Fortanix.Form = FormNameless }},
		{Bug: Bug{Name: "dfns-old-page-form", Title: "writes options as the vendor's older page has them", Class: "dialect",
			Requirement: "dfns/pub-key-cred-params", Severity: "high", Dialect: "dfns"},
			configure: func(c *Config) { c.Dfns.Form = FormOldPage }},
		{Bug: Bug{Name: "raw-id-alone", Title: "registers by rawId and never reads the id beside it", Class: "binding", Requirement: "fido-server/envelope-id", Severity: "low", Dialect: "fido", Set: "fido-server@1.9.1"},
			around: func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				if r.URL.Path == attested {
					body, err := io.ReadAll(io.LimitReader(r.Body, 1<<21))
					var o map[string]json.RawMessage
					if err == nil && json.Unmarshal(body, &o) == nil && o["rawId"] != nil {
						o["id"] = o["rawId"]
						if read, err := json.Marshal(o); err == nil {
							body = read
						}
					}
					r.Body = io.NopCloser(bytes.NewReader(body))
				}
				answer(w, r)
			}},
		{Bug: Bug{Name: "error-message-empty", Title: "says failed and not why", Class: "dialect", Requirement: "fido-server/error-message", Severity: "low", Dialect: "fido", Set: "fido-server@1.9.1"},
			around: answered([]string{attested, asserted}, func(status int, body map[string]any) int {
				body["errorMessage"] = ""
				return status
			})},
		{Bug: Bug{Name: "fortanix-members-missing", Title: "leaves out excludeCredentials and attestation where they say nothing", Class: "dialect", Requirement: "fortanix/exclude-required", Severity: "low", Dialect: "fortanix"},
			around: func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				answered([]string{r.URL.Path}, func(status int, body map[string]any) int {
					drop(body, "excludeCredentials", "attestation")
					return status
				})(w, r, answer)
			}},
		{Bug: Bug{Name: "nevis-ceremonies-mixed", Title: "writes the members of both ceremonies into the options of either", Class: "dialect", Requirement: "nevis/one-path", Severity: "low", Dialect: "nevis"},
			around: func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				answered([]string{r.URL.Path}, func(status int, body map[string]any) int {
					if _, ok := body["challenge"]; ok && body["pubKeyCredParams"] == nil {
						body["pubKeyCredParams"] = []any{}
					}
					return status
				})(w, r, answer)
			}},
		{Bug: Bug{Name: "nevis-session-id-missing", Title: "leaves out fido2SessionId", Class: "dialect", Requirement: "nevis/session-id", Severity: "medium", Dialect: "nevis"},
			around: func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				answered([]string{r.URL.Path}, func(status int, body map[string]any) int {
					delete(body, "fido2SessionId")
					return status
				})(w, r, answer)
			}},
	}
}

// wireBugs write options in JSON that no parseCreationOptionsFromJSON takes, or
// that says less than it should (https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON).
func wireBugs() []httpBug {
	bug := func(name, title, severity, requirement string, paths []string, edit func(o map[string]any), records ...string) httpBug {
		return httpBug{Bug: Bug{Name: name, Title: title, Class: "options", Requirement: requirement, Severity: severity, ModelledOn: records, Dialect: "fido"},
			around: answered(paths, func(status int, body map[string]any) int {
				if status == http.StatusOK {
					edit(body)
				}
				return status
			})}
	}
	create, get, each := []string{creations}, []string{requests}, []string{creations, requests}
	parameters := func(o map[string]any, f func(p map[string]any)) {
		list, _ := o["pubKeyCredParams"].([]any)
		for _, p := range list {
			f(p.(map[string]any))
		}
	}
	inner := func(o map[string]any, name string) map[string]any {
		m, _ := o[name].(map[string]any)
		if m == nil {
			m = map[string]any{}
		}
		return m
	}
	decode := func(v any) []byte {
		s, _ := v.(string)
		b, _ := base64.RawURLEncoding.DecodeString(s)
		return b
	}
	const well, binary, asked = "webauthn-3/5.4/creation-options", "webauthn-3/5.1.9/binary-as-base64url", "webauthn-3/5.5/request-options"
	bugs := []httpBug{
		bug("alg-as-text", "writes alg as a string", "high", "webauthn-3/5.3/parameters", create, func(o map[string]any) {
			parameters(o, func(p map[string]any) { p["alg"] = fmt.Sprint(p["alg"]) })
		}),
		bug("alg-by-name", "writes alg by its name", "high", "webauthn-3/5.3/parameters", create, func(o map[string]any) {
			parameters(o, func(p map[string]any) { p["alg"] = "ES256" })
		}),
		bug("parameters-without-type", "leaves the type out of pubKeyCredParams", "high", "webauthn-3/5.3/parameters", create, func(o map[string]any) {
			parameters(o, func(p map[string]any) { delete(p, "type") })
		}),
		bug("null-members", "writes null for optional members that it does not use", "medium", well, each, func(o map[string]any) {
			for _, name := range []string{"extensions", "authenticatorSelection", "timeout", "hints"} {
				if _, ok := o[name]; !ok {
					o[name] = nil
				}
			}
		}).and("touchstone/consumable"),
		bug("padded-challenge", "pads the base64url of the challenge", "medium", binary, each, func(o map[string]any) { o["challenge"] = base64.URLEncoding.EncodeToString(decode(o["challenge"])) }),
		bug("standard-base64-challenge", "writes the challenge in standard base64", "medium", binary, each, func(o map[string]any) { o["challenge"] = base64.StdEncoding.EncodeToString(decode(o["challenge"])) }),
		bug("challenge-as-bytes", "writes the challenge as an array of numbers", "medium", binary, each, func(o map[string]any) {
			var list []int
			for _, b := range decode(o["challenge"]) {
				list = append(list, int(b))
			}
			o["challenge"] = list
		}),
		bug("user-id-as-text", "writes user.id as hexadecimal text with separators", "medium", binary, create, func(o map[string]any) {
			inner(o, "user")["id"] = fmt.Sprintf("% x", decode(inner(o, "user")["id"]))[:60]
		}),
		bug("user-id-as-number", "writes user.id as a number", "medium", well, create, func(o map[string]any) { inner(o, "user")["id"] = 42 }),
		bug("user-without-display-name", "leaves out user.displayName", "medium", "webauthn-3/5.4/user-name", create, func(o map[string]any) { delete(inner(o, "user"), "displayName") }),
		bug("rp-without-name", "leaves out rp.name", "medium", well, create, func(o map[string]any) { delete(inner(o, "rp"), "name") }),
		bug("rp-as-text", "writes rp as its id alone", "medium", well, create, func(o map[string]any) { o["rp"] = inner(o, "rp")["id"] }),
		bug("challenge-left-out", "issues creation options without a challenge", "high", well, create, func(o map[string]any) { delete(o, "challenge") }),
		bug("request-challenge-left-out", "issues request options without a challenge", "high", asked, get, func(o map[string]any) { delete(o, "challenge") }),
		bug("attestation-misspelt", "writes the conveyance in capitals", "low", "webauthn-3/5.4.7/attestation-values", create, func(o map[string]any) { o["attestation"] = strings.ToUpper(fmt.Sprint(o["attestation"])) }),
		bug("verification-misspelt", "writes userVerification in capitals", "medium", "webauthn-3/5.8.6/uv-values", get, func(o map[string]any) {
			o["userVerification"] = strings.ToUpper(fmt.Sprint(o["userVerification"]))
		}),
		bug("verification-as-boolean", "writes userVerification as a boolean", "medium", asked, get, func(o map[string]any) { o["userVerification"] = o["userVerification"] == "required" }),
		bug("require-resident-key-disagrees", "writes requireResidentKey false beside residentKey required", "low", "webauthn-3/5.4.6/require-resident-key", create, func(o map[string]any) {
			if s := inner(o, "authenticatorSelection"); s["residentKey"] == "required" {
				s["requireResidentKey"] = false
			}
		}),
		bug("timeout-as-text", "writes the timeout as a string", "low", well, create, func(o map[string]any) { o["timeout"] = fmt.Sprint(o["timeout"]) }),
		bug("hints-as-text", "writes hints as one string", "low", "webauthn-3/5.8.7/hints", create, func(o map[string]any) { o["hints"] = "security-key" }),
		bug("request-hints-as-text", "writes the hints of request options as one string", "low", "webauthn-3/5.5/hints", get, func(o map[string]any) { o["hints"] = "security-key" }),
		bug("hints-misspelt", "writes a hint that nothing defines", "low", "webauthn-3/5.8.7/hints-known", each, func(o map[string]any) { o["hints"] = []string{"securityKey"} }),
		bug("hints-against-attachment", "hints at a security key and asks for a platform authenticator", "low", "webauthn-3/5.8.7/hints-attachment", create, func(o map[string]any) {
			o["hints"] = []string{"security-key"}
			s := inner(o, "authenticatorSelection")
			s["authenticatorAttachment"] = "platform"
			o["authenticatorSelection"] = s
		}),
		bug("attestation-formats-misspelt", "writes an attestation format with quotes around it", "low", "webauthn-3/5.4/attestation-formats", create, func(o map[string]any) {
			o["attestationFormats"] = []string{`"packed"`}
		}),
		bug("attachment-misspelt", "writes an attachment that nothing defines", "low", "webauthn-3/5.4.5/attachment-values", create, func(o map[string]any) {
			s := inner(o, "authenticatorSelection")
			s["authenticatorAttachment"] = "any"
			o["authenticatorSelection"] = s
		}),
		bug("attachment-dropped", "does not pass on which attachment was asked for", "low", "webauthn-3/7.1/step-1", create, func(o map[string]any) {
			delete(inner(o, "authenticatorSelection"), "authenticatorAttachment")
		}),
		bug("resident-key-misspelt", "writes residentKey in capitals", "low", "webauthn-3/5.4.6/resident-key-values", create, func(o map[string]any) {
			s := inner(o, "authenticatorSelection")
			s["residentKey"], s["requireResidentKey"] = "PREFERRED", false
			o["authenticatorSelection"] = s
		}),
		bug("request-timeout-in-seconds", "writes the timeout of request options in seconds", "medium", "webauthn-3/5.5/timeout", get, func(o map[string]any) { o["timeout"] = 300 }),
		bug("allow-list-without-type", "leaves the type out of allowCredentials", "medium", asked, get, func(o map[string]any) {
			list, _ := o["allowCredentials"].([]any)
			for _, d := range list {
				delete(d.(map[string]any), "type")
			}
		}),
		bug("allow-list-in-standard-base64", "writes the ids of allowCredentials padded", "medium", binary, get, func(o map[string]any) {
			list, _ := o["allowCredentials"].([]any)
			for _, d := range list {
				m := d.(map[string]any)
				m["id"] = base64.URLEncoding.EncodeToString(decode(m["id"]))
			}
		}),
	}
	// An unknown account is one whose options have imaginary credentials; this
	// face cannot tell, so it remembers which names registered.
	bugs = append(bugs, httpBug{
		Bug: Bug{Name: "unknown-user-refused", Title: "tells that a user is unknown by an error", Class: "enumeration", Requirement: "webauthn-3/14.6.2/enumeration", Severity: "medium",
			ModelledOn: []string{"CVE-2026-23511"}, Dialect: "fido"},
		around: refuseUnknown(),
	})
	return bugs
}

func refuseUnknown() func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		if r.URL.Path != requests {
			answer(w, r)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			answer(w, r)
			return
		}
		var o struct {
			Username string `json:"username"`
		}
		_ = json.Unmarshal(body, &o) // what cannot be read is refused below
		// Whoever has an account is told the truth: its options exclude something.
		probe := &kept{header: http.Header{}, status: http.StatusOK}
		ask := r.Clone(r.Context())
		again := fmt.Sprintf(`{"username":%q,"displayName":"x"}`, o.Username)
		ask.URL.Path, ask.Body, ask.ContentLength = creations, io.NopCloser(strings.NewReader(again)), int64(len(again))
		ask.Header = http.Header{"Content-Type": {"application/json"}}
		answer(probe, ask)
		if o.Username != "" && bytes.Contains(probe.body.Bytes(), []byte(`"excludeCredentials":[]`)) {
			_ = writeJSON(w, http.StatusNotFound, failed("there is no such user"))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	}
}

// crashBugs fall over what they are sent.
func crashBugs() []httpBug {
	bug := func(name, title string, paths []string, falls func(body []byte) bool, how func(w http.ResponseWriter, r *http.Request), records ...string) httpBug {
		return httpBug{Bug: Bug{Name: name, Title: title, Class: "crash", Requirement: noCrash, Severity: "medium", ModelledOn: records, Dialect: "fido"},
			around: func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				if slices.Contains(paths, r.URL.Path) {
					body, err := io.ReadAll(io.LimitReader(r.Body, 1<<21))
					if err == nil && falls(body) {
						how(w, r)
						return
					}
					r.Body = io.NopCloser(bytes.NewReader(body))
				}
				answer(w, r)
			}}
	}
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, "<!DOCTYPE html><title>Error</title><h1>Internal Server Error</h1>")
	}
	drop := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	results := []string{attested, asserted}
	response := func(body []byte) map[string]any {
		var o struct {
			Response any `json:"response"`
		}
		_ = json.Unmarshal(body, &o) // nothing is found in what cannot be read
		m, _ := o.Response.(map[string]any)
		return m
	}
	bytesOf := func(body []byte, name string) []byte {
		s, _ := response(body)[name].(string)
		b, _ := base64.RawURLEncoding.DecodeString(s)
		return b
	}
	return []httpBug{
		bug("crash-body-null", "answers a body of null with an error page", results, func(b []byte) bool { return string(bytes.TrimSpace(b)) == "null" }, page),
		bug("crash-body-not-json", "answers what is no JSON with an error page", results, func(b []byte) bool { return !json.Valid(b) }, page),
		bug("crash-response-missing", "drops the connection where the response is missing", results, func(b []byte) bool { return json.Valid(b) && response(b) == nil }, drop),
		bug("crash-client-data", "answers client data that are no JSON object with an error page", results, func(b []byte) bool {
			data := bytes.TrimPrefix(bytesOf(b, "clientDataJSON"), []byte("\xef\xbb\xbf"))
			var m map[string]any
			return len(data) > 0 && json.Unmarshal(data, &m) != nil
		}, page),
		bug("crash-client-data-not-utf-8", "answers client data that are no UTF-8 with an error page", results, func(b []byte) bool {
			return !utf8.Valid(bytesOf(b, "clientDataJSON"))
		}, page),
		bug("crash-authenticator-data", "drops the connection at authenticator data that are too short", results, func(b []byte) bool {
			n := len(bytesOf(b, "authenticatorData"))
			return n > 0 && n < 37
		}, drop, "CVE-2021-40818", "CVE-2022-27240"),
		bug("crash-huge-length", "drops the connection at a CBOR length beyond all memory", results, func(b []byte) bool {
			o := bytesOf(b, "attestationObject")
			return bytes.Contains(o, []byte{0x5b, 0x7f, 0xff, 0xff, 0xff}) || bytes.Contains(o, []byte{0x5b, 0xff, 0xff, 0xff}) || bytes.Contains(o, []byte{0x5a, 0x7f, 0xff, 0xff}) || bytes.Contains(o, []byte{0x5a, 0xff, 0xff, 0xff})
		}, drop, "CVE-2024-21909"),
		bug("crash-body-huge", "drops the connection at a body of one mebibyte", results, func(b []byte) bool { return len(b) > 1<<20 }, drop),
		bug("hang-on-deep-body", "does not come back from a deeply nested body", results, func(b []byte) bool {
			return bytes.Contains(b, bytes.Repeat([]byte("["), 100)) || bytes.Count(b, []byte(`{"`)) > 100
		}, hang),
		bug("crash-deep-cbor", "drops the connection at deeply nested CBOR", []string{attested}, func(b []byte) bool {
			o := bytesOf(b, "attestationObject")
			return bytes.Contains(o, bytes.Repeat([]byte{0x81}, 16)) || bytes.Contains(o, bytes.Repeat([]byte{0xa1, 0x61, 0x61}, 16))
		}, drop, "CVE-2024-21909", "GHSA-6r92-cgxc-r5fg"),
		bug("crash-extension-results", "answers extension results that are no object with an error page", results, func(b []byte) bool {
			var o struct {
				Results any `json:"getClientExtensionResults"`
			}
			if json.Unmarshal(b, &o) != nil || o.Results == nil {
				return false
			}
			_, ok := o.Results.(map[string]any)
			return !ok
		}, page).breaks("webauthn-3/5.1/extension-results"),
		bug("crash-signature-missing", "answers an assertion without signature with an error page", []string{asserted}, func(b []byte) bool {
			m := response(b)
			_, ok := m["signature"].(string)
			return m != nil && !ok
		}, page),
		bug("crash-ed25519-key-short", "drops the connection at a signature by an Ed25519 key of 31 bytes", []string{attested}, func(b []byte) bool {
			o := bytesOf(b, "attestationObject")
			// crv Ed25519, and x of 31 bytes
			return bytes.Contains(o, []byte("fpacked")) && bytes.Contains(o, []byte{0x20, 0x06, 0x21, 0x58, 31})
		}, drop),
		bug("crash-tpm-exponent-short", "drops the connection at a TPM statement over an RSA key whose exponent has fewer than three bytes", []string{attested}, func(b []byte) bool {
			o := bytesOf(b, "attestationObject")
			// fmt, and e of one byte
			return bytes.Contains(o, []byte("cfmtctpm")) && bytes.Contains(o, []byte{0x21, 0x41, 0x03})
		}, drop),
	}
}

// strangerBugs let a caller write the options.
func strangerBugs() []httpBug {
	return []httpBug{{Bug: Bug{Name: "app-id-of-stranger", Title: "passes on whatever appidExclude a request asks for", Class: "options",
		Requirement: "webauthn-3/10.1.2/appid-exclude", Severity: "medium", Dialect: "fido"},
		around: func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			var o struct {
				Extensions struct {
					AppIDExclude string `json:"appidExclude"`
				} `json:"extensions"`
			}
			body, err := io.ReadAll(io.LimitReader(r.Body, 1<<21))
			if err == nil && r.URL.Path == creations && json.Unmarshal(body, &o) == nil && o.Extensions.AppIDExclude != "" {
				var all map[string]any
				if json.Unmarshal(body, &all) == nil {
					// The server itself would refuse it.
					delete(all["extensions"].(map[string]any), "appidExclude")
					body, _ = json.Marshal(all) // it was JSON before
				}
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			answered([]string{creations}, func(status int, options map[string]any) int {
				if o.Extensions.AppIDExclude != "" {
					extensions, _ := options["extensions"].(map[string]any)
					if extensions == nil {
						extensions = map[string]any{}
					}
					extensions["appidExclude"] = o.Extensions.AppIDExclude
					options["extensions"] = extensions
				}
				return status
			})(w, r, answer)
		}}}
}

// strictBodyBugs refuse bodies that are as they may be.
func strictBodyBugs() []httpBug {
	bug := func(name, title, requirement string, paths []string, refuse func(o map[string]json.RawMessage) bool) httpBug {
		return httpBug{Bug: Bug{Name: name, Title: title, Class: "over-strict", Requirement: requirement, Severity: "medium", Dialect: "fido", OverStrict: true},
			around: func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
				if slices.Contains(paths, r.URL.Path) {
					body, err := io.ReadAll(io.LimitReader(r.Body, 1<<21))
					r.Body = io.NopCloser(bytes.NewReader(body))
					var o map[string]json.RawMessage
					if err == nil && json.Unmarshal(body, &o) == nil && refuse(o) {
						_ = writeJSON(w, http.StatusBadRequest, failed("the body is not of the form that is expected"))
						return
					}
				}
				answer(w, r)
			}}
	}
	results := []string{attested, asserted}
	known := []string{"id", "rawId", "type", "response", "getClientExtensionResults", "clientExtensionResults", "authenticatorAttachment"}
	return []httpBug{
		bug("strict-attachment", "refuses an authenticatorAttachment that it does not know", "webauthn-3/5.4.5/unknown-attachment", results, func(o map[string]json.RawMessage) bool {
			a := string(o["authenticatorAttachment"])
			return a != "" && a != "null" && a != `"platform"` && a != `"cross-platform"`
		}),
		bug("strict-body-members", "refuses a body with a member it does not know", "webauthn-3/5.1/unknown-members", results, func(o map[string]json.RawMessage) bool {
			for name := range o {
				if !slices.Contains(known, name) {
					return true
				}
			}
			return false
		}),
	}
}
