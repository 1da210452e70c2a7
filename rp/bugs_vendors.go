package rp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

type aroundFunc = func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc)

// asked changes the request before the server sees it. The body's bytes may be
// changed through edit's return value.
func asked(edit func(r *http.Request, body []byte) []byte) aroundFunc {
	return func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<21))
		if err == nil {
			body = edit(r, body)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer(w, r)
	}
}

// refusing answers for the server where why is not empty.
func refusing(status int, why func(r *http.Request, body []byte) string) aroundFunc {
	return func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<21))
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err == nil {
			if message := why(r, body); message != "" {
				switch {
				case strings.HasPrefix(r.URL.Path, "/nevisfido/"):
					_ = writeJSON(w, status, nevisResponse{serverResponse: failed(message)})
				case strings.HasPrefix(r.URL.Path, "/auth/"):
					_ = writeJSON(w, status, map[string]any{"error": map[string]string{"message": message}})
				default:
					w.Header().Set("Content-Type", "text/plain; charset=utf-8")
					w.WriteHeader(status)
					_, _ = io.WriteString(w, message)
				}
				return
			}
		}
		answer(w, r)
	}
}

// rewriting hands the answer, whatever its form, to edit before it is sent.
func rewriting(edit func(r *http.Request, k *kept)) aroundFunc {
	return func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		rec := &kept{header: http.Header{}, status: http.StatusOK}
		answer(rec, r)
		edit(r, rec)
		for name, values := range rec.header {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.status)
		if rec.status != http.StatusNoContent {
			_, _ = w.Write(rec.body.Bytes())
		}
	}
}

// members edits the JSON object of a successful answer of a path.
func members(path string, edit func(o map[string]any)) aroundFunc {
	return rewriting(func(r *http.Request, k *kept) {
		var o map[string]any
		if r.URL.Path != path || k.status != http.StatusOK || json.Unmarshal(k.body.Bytes(), &o) != nil {
			return
		}
		edit(o)
		text, err := json.Marshal(o)
		if err != nil {
			return
		}
		k.body.Reset()
		k.body.Write(text)
		k.header.Del("Content-Length")
	})
}

func looseObject(body []byte) map[string]json.RawMessage {
	var o map[string]json.RawMessage
	_ = json.Unmarshal(body, &o) // nothing is found in what cannot be read
	return o
}

// vendorBugs are the bugs of single vendors' APIs.
func vendorBugs() []httpBug {
	return slices.Concat(fortanixBugs(), dfnsBugs(), nevisBugs())
}

func fortanixBugs() []httpBug {
	const challenge, patch = "/sys/v1/session/config_2fa/new_challenge", http.MethodPatch
	bug := func(name, title, requirement, severity string) Bug {
		return Bug{Name: "fortanix-" + name, Title: title, Class: "dialect", Requirement: "fortanix/" + requirement, Severity: severity, Dialect: "fortanix"}
	}
	without := func(step string, b Bug) httpBug { return httpBug{Bug: b, leaveOut: []string{step}} }
	around := func(b Bug, f aroundFunc) httpBug { return httpBug{Bug: b, around: f} }
	u2fOnly := func(b Bug, f func(*Config)) httpBug {
		b.SeenIn = "fortanix-u2f-only"
		return httpBug{Bug: b, configure: f}
	}
	strict := func(h httpBug) httpBug { h.OverStrict = true; return h }
	return []httpBug{
		without("fortanix.unlock", bug("never-locked", "lets second factors be changed without unlocking their configuration", "unlock", "critical")),
		without("fortanix.unlock.password", bug("unlock-any-password", "unlocks the configuration of second factors with any password", "unlock", "critical")),
		without("fortanix.lock", bug("lock-does-nothing", "leaves the configuration of second factors unlocked after terminate", "relock", "high")),
		without("fortanix.lock.purpose", bug("approval-while-unlocked", "lets second factors approve while their configuration is unlocked", "relock", "medium")),
		without("fortanix.owed", bug("owed-token-serves", "lets a token that owes its second factor do anything", "owed", "critical")),
		without("fortanix.one-device", bug("many-devices", "takes the first of several devices without a word", "one-device", "low")),
		without("fortanix.device-name", bug("nameless-device", "takes a device without a name", "device-name", "low")),
		without("fortanix.device-deleted", bug("deleted-device-serves", "keeps the credential of a deleted device", "device-deleted", "high")),
		without("fortanix.u2f-login", bug("u2f-login-open", "takes any message of the old U2F API for a second factor", "u2f-login", "critical")),
		without("u2f.signature", bug("u2f-unsigned", "takes a U2F registration whose signature does not verify", "u2f-registration", "critical")),
		without("u2f.challenge", bug("u2f-any-challenge", "takes a U2F registration that answers any challenge", "u2f-registration", "high")),
		without("u2f.origin", bug("u2f-any-origin", "takes a U2F registration of any origin", "u2f-registration", "high")),
		without("fortanix.recovery-code", bug("any-recovery-code", "takes any recovery code", "recovery-codes", "critical")),
		without("fortanix.recovery-code-once", bug("recovery-code-again", "takes a recovery code more than once", "recovery-codes", "high")),
		without("fortanix.recovery-code-renewed", bug("old-recovery-codes", "leaves old recovery codes good when new ones are given out", "recovery-codes", "medium")),
		without("fortanix.approval.owner", bug("approval-by-anyone", "lets anyone approve anyone's request", "approval", "critical")),
		without("fortanix.approval.bound", bug("approval-any-request", "takes the assertion for one approval for another", "approval", "high")),
		without("fortanix.approval.verified", bug("approval-unverified", "approves with an assertion that does not verify", "approval", "critical")),
		around(bug("challenge-without-session", "hands out a challenge to whoever asks", "token", "medium"), rewriting(func(r *http.Request, k *kept) {
			if r.URL.Path == challenge && k.status == http.StatusUnauthorized {
				k.status = http.StatusOK
				k.header.Set("Content-Type", "application/json")
				k.header.Del("Content-Length")
				k.body.Reset()
				k.body.WriteString(`{"u2f_challenge":"dG91Y2hzdG9uZS10b3VjaHN0b25l","u2f_keys":[]}`)
			}
		})),
		around(bug("device-type", "spells the type of a device as the query spells the protocol", "devices", "low"), rewriting(func(r *http.Request, k *kept) {
			if strings.HasPrefix(r.URL.Path, "/sys/v1/users/") && k.status == http.StatusOK {
				text := bytes.ReplaceAll(k.body.Bytes(), []byte(`"type":"Fido2"`), []byte(`"type":"fido2"`))
				k.body.Reset()
				k.body.Write(text)
				k.header.Del("Content-Length")
			}
		})),
		without("fortanix.approval.assertion", bug("approval-by-password", "approves by password alone where there is a second factor", "approval", "high")),
		around(bug("default-fido2", "hands out FIDO2 options where no protocol was asked for", "default-protocol", "low"), asked(func(r *http.Request, body []byte) []byte {
			if r.URL.Path == challenge && r.URL.RawQuery == "" {
				r.URL.RawQuery = "protocol=fido2"
			}
			return body
		})),
		around(bug("unknown-protocol", "takes a protocol that there is not for FIDO2", "unknown-protocol", "low"), asked(func(r *http.Request, body []byte) []byte {
			if p := r.URL.Query().Get("protocol"); r.URL.Path == challenge && p != "" && p != "u2f" {
				r.URL.RawQuery = "protocol=fido2"
			}
			return body
		})),
		strict(around(bug("wants-content-type", "refuses a body without Content-Type, which the vendor's Go client sends", "no-content-type", "high"), refusing(http.StatusUnsupportedMediaType, func(r *http.Request, body []byte) string {
			if strings.HasPrefix(r.URL.Path, "/sys/") && len(body) > 0 && r.Header.Get("Content-Type") == "" {
				return "the Content-Type header is missing"
			}
			return ""
		}))),
		strict(around(bug("wants-raw-id", "refuses a result without rawId, which the API does not have", "no-raw-id", "high"), refusing(http.StatusBadRequest, func(r *http.Request, body []byte) string {
			if r.Method == patch && bytes.Contains(body, []byte(`"attestationResult"`)) && !bytes.Contains(body, []byte(`"rawId"`)) {
				return "rawId is missing"
			}
			return ""
		}))),
		strict(around(bug("one-transports-name", "refuses response.transports beside its own getTransports", "transports-name", "low"), refusing(http.StatusBadRequest, func(r *http.Request, body []byte) string {
			if r.Method == patch && bytes.Contains(body, []byte(`"transports"`)) {
				return "unknown field transports"
			}
			return ""
		}))),
		strict(around(bug("one-extension-results-name", "refuses other names of the extension results than its own", "extension-results-name", "low"), refusing(http.StatusBadRequest, func(r *http.Request, body []byte) string {
			if r.Method == patch && (bytes.Contains(body, []byte(`"clientExtensionResults"`)) || bytes.Contains(body, []byte(`"get_client_extension_results"`))) {
				return "unknown field"
			}
			return ""
		}))),
		{Bug: bug("null-members", "writes optional members that it does not use as null", "nulls", "medium"), configure: func(c *Config) { c.Fortanix.Nulls = true }},
		around(bug("arms-mixed", "writes members of creation options into request options", "one-arm", "low"), members("/sys/v1/session/auth", func(o map[string]any) {
			if options, ok := o["fido2_assertion_options"].(map[string]any); ok {
				options["pubKeyCredParams"] = []any{}
			}
		})),
		around(bug("json-errors", "writes errors as JSON, of which its clients show the braces", "text-errors", "low"), rewriting(func(r *http.Request, k *kept) {
			if k.status < 400 || !strings.HasPrefix(r.URL.Path, "/sys/") {
				return
			}
			text, _ := json.Marshal(map[string]string{"error": k.body.String()})
			k.body.Reset()
			k.body.Write(text)
			k.header.Set("Content-Type", "application/json")
			k.header.Del("Content-Length")
		})),
		u2fOnly(bug("any-format", "takes other attestation than fido-u2f", "u2f-attestation-only", "medium"), func(c *Config) { c.Fortanix.Formats = nil }),
		u2fOnly(bug("unknown-outputs", "takes extension outputs that its types do not have", "known-outputs", "low"), func(c *Config) { c.Fortanix.DenyUnknownOutputs = false }),
	}
}

func dfnsBugs() []httpBug {
	const inits, creates = "/auth/credentials/init", "/auth/credentials"
	bug := func(name, title, requirement, severity string) Bug {
		return Bug{Name: "dfns-" + name, Title: title, Class: "dialect", Requirement: "dfns/" + requirement, Severity: severity, Dialect: "dfns"}
	}
	without := func(step string, b Bug) httpBug { return httpBug{Bug: b, leaveOut: []string{step}} }
	around := func(b Bug, f aroundFunc) httpBug { return httpBug{Bug: b, around: f} }
	seen := func(dialect string, h httpBug) httpBug { h.SeenIn = dialect; return h }
	// challengeSigned is the challenge in the client data of a new passkey.
	challengeSigned := func(r *http.Request, body []byte) string {
		if r.URL.Path != creates || r.Method != http.MethodPost {
			return ""
		}
		var o struct {
			Info struct{ ClientData, AttestationData string } `json:"credentialInfo"`
		}
		if json.Unmarshal(body, &o) != nil {
			return ""
		}
		text, err := base64.RawURLEncoding.DecodeString(o.Info.ClientData)
		var data struct{ Type, Challenge string }
		if err != nil || json.Unmarshal(text, &data) != nil || data.Type != "webauthn.create" {
			return ""
		}
		return data.Challenge
	}
	// The challenge's text has 43 characters; encoded once more it has 58.
	const once = 50
	return []httpBug{
		without("dfns.user-action", bug("no-user-action", "changes credentials without a user action", "user-action", "critical")),
		without("dfns.user-action.once", bug("user-action-again", "takes a user action token twice", "user-action-once", "high")),
		without("dfns.user-action.method", bug("user-action-any-method", "takes a user action token for another method than it was signed for", "user-action-bound", "high")),
		without("dfns.user-action.path", bug("user-action-any-path", "takes a user action token for another path than it was signed for", "user-action-bound", "critical")),
		without("dfns.user-action.payload", bug("user-action-any-body", "takes a user action token for another body than it was signed for", "user-action-bound", "critical")),
		without("dfns.user-action.user", bug("user-action-of-anyone", "takes a user action token that another user signed for", "user-action-bound", "critical")),
		without("dfns.key.signature", bug("key-signature-unverified", "does not verify the signatures of keys", "key-signature", "critical")),
		without("dfns.key.challenge", bug("key-challenge-ignored", "does not compare the challenge that a key signed", "key-signature", "critical")),
		without("dfns.key.bytes", bug("key-client-data-rewritten", "verifies a key's signature over client data that it wrote anew", "key-client-data", "medium")),
		without("dfns.encrypted-private-key", bug("protected-key-without-key", "takes a PasswordProtectedKey without its encrypted private key", "encrypted-private-key", "medium")),
		without("dfns.recovery-key", bug("recovery-key-logs-in", "logs in with a RecoveryKey", "recovery-key", "high")),
		without("dfns.inactive", bug("inactive-logs-in", "logs in with a deactivated credential", "inactive", "critical")),
		without("dfns.code.once", bug("code-again", "takes a code more than once", "code", "high")),
		without("dfns.code.life", bug("code-lives-long", "gives out codes that live longer than a minute", "code", "medium")),
		{Bug: bug("new-page-form", "excludes credentials by the identifiers that the vendor's page shows", "exclude-ids", "high"), configure: func(c *Config) { c.Dfns.Form = FormNewPage }},
		around(bug("exclude-list-missing", "leaves out excludeCredentials where there is none to exclude", "members", "high"), members(inits, func(o map[string]any) {
			if list, ok := o["excludeCredentials"].([]any); ok && len(list) == 0 {
				delete(o, "excludeCredentials")
			}
		})),
		around(bug("exclude-transports-text", "writes the transports of excludeCredentials as one string", "exclude-transports", "low"), members(inits, func(o map[string]any) {
			list, _ := o["excludeCredentials"].([]any)
			for _, e := range list {
				e.(map[string]any)["transports"] = "hybrid"
			}
		})),
		around(bug("rp-missing", "leaves out rp, without which older clients crash", "rp", "medium"), members(inits, func(o map[string]any) { delete(o, "rp") })),
		around(bug("user-id-encoded", "writes user.id in base64url", "user-id-text", "high"), members(inits, func(o map[string]any) {
			if user, ok := o["user"].(map[string]any); ok {
				id, _ := user["id"].(string)
				user["id"] = toBase64URL([]byte(id))
			}
		})),
		around(bug("temporary-token-missing", "leaves out temporaryAuthenticationToken", "temporary-token", "medium"), members(inits, func(o map[string]any) { delete(o, "temporaryAuthenticationToken") })),
		around(bug("kinds-alike", "answers every kind of credential with a passkey's challenge", "kinds", "medium"), members(inits, func(o map[string]any) {
			if o["kind"] != "Fido2" {
				o["authenticatorSelection"] = map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"}
				o["excludeCredentials"] = []any{}
			}
		})),
		around(bug("unknown-kind", "takes a kind that there is not for a passkey", "unknown-kind", "low"), asked(func(r *http.Request, body []byte) []byte {
			if kind := string(looseObject(body)["kind"]); r.URL.Path == inits && !slices.Contains(dfnsKinds, strings.Trim(kind, `"`)) {
				return []byte(`{"kind":"Fido2"}`)
			}
			return body
		})),
		around(bug("list-without-uuid", "leaves credentialUuid out of the list of credentials", "members", "medium"), members(creates, func(o map[string]any) {
			list, _ := o["items"].([]any)
			for _, e := range list {
				delete(e.(map[string]any), "credentialUuid")
			}
		})),
		around(Bug{Name: "dfns-credential-without-date", Title: "leaves dateCreated out of a new credential", Class: "dialect", Requirement: "dialects/answer-schemas", Severity: "low", Dialect: "dfns"},
			members(creates, func(o map[string]any) { delete(o, "dateCreated") })),
		around(bug("answers-202", "answers a new credential with 202, which its clients take for a refusal", "status-200", "medium"), rewriting(func(r *http.Request, k *kept) {
			if r.URL.Path == creates && r.Method == http.MethodPost && k.status == http.StatusOK {
				k.status = http.StatusAccepted
			}
		})),
		around(bug("text-errors", "writes errors as text, at which its clients throw a parse error", "json-errors", "medium"), rewriting(func(r *http.Request, k *kept) {
			if k.status >= 400 && strings.HasPrefix(r.URL.Path, "/auth/") {
				k.body.Reset()
				k.body.WriteString("Bad Request")
				k.header.Set("Content-Type", "text/plain")
				k.header.Del("Content-Length")
			}
		})),
		seen("dfns-decoded", around(bug("text-challenge-refused", "refuses the challenge as the vendor's browser client signs it", "challenge-encoding", "high"), refusing(http.StatusBadRequest, func(r *http.Request, body []byte) string {
			if len(challengeSigned(r, body)) > once {
				return "Challenge token is not valid."
			}
			return ""
		}))),
		around(bug("decoded-challenge-refused", "refuses the challenge as the vendor's mobile clients sign it", "challenge-encoding", "high"), refusing(http.StatusBadRequest, func(r *http.Request, body []byte) string {
			if n := len(challengeSigned(r, body)); n > 0 && n <= once {
				return "Challenge token is not valid."
			}
			return ""
		})),
	}
}

func nevisBugs() []httpBug {
	const (
		root    = "/nevisfido/fido2"
		options = root + "/attestation/options"
		status  = root + "/status"
	)
	bug := func(name, title, requirement, severity string) Bug {
		return Bug{Name: "nevis-" + name, Title: title, Class: "dialect", Requirement: "nevis/" + requirement, Severity: severity, Dialect: "nevis"}
	}
	around := func(b Bug, f aroundFunc) httpBug { return httpBug{Bug: b, around: f} }
	strict := func(h httpBug) httpBug { h.OverStrict = true; return h }
	// request edits the members of a body for options.
	request := func(edit func(o map[string]json.RawMessage)) aroundFunc {
		return asked(func(r *http.Request, body []byte) []byte {
			o := looseObject(body)
			if r.URL.Path != options || o == nil {
				return body
			}
			edit(o)
			again, err := json.Marshal(o)
			if err != nil {
				return body
			}
			return again
		})
	}
	extension := func(name string) aroundFunc {
		return members(options, func(o map[string]any) {
			if e, ok := o["extensions"].(map[string]any); ok {
				delete(e, name)
			}
		})
	}
	under := func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, root) }
	return []httpBug{
		around(bug("both-is-authentication", "takes a request for registration that names userVerification for an authentication", "by-content", "low"), request(func(o map[string]json.RawMessage) {
			if o["userVerification"] != nil {
				delete(o, "displayName")
				delete(o, "authenticatorSelection")
				delete(o, "attestation")
			}
		})),
		around(bug("bare-name-registers", "takes a username alone for a registration", "by-content", "medium"), request(func(o map[string]json.RawMessage) {
			if len(o) == 1 && o["username"] != nil {
				o["displayName"] = o["username"]
			}
		})),
		around(bug("empty-request", "takes a request without a username for one with an empty one", "username-required", "low"), request(func(o map[string]json.RawMessage) {
			if o["username"] == nil {
				o["username"] = json.RawMessage(`""`)
			}
		})),
		around(bug("result-session-id", "answers a result with another fido2SessionId than the options", "session-id", "medium"), members(root+"/attestation/result", func(o map[string]any) { o["fido2SessionId"] = "00000000-0000-0000-0000-000000000000" })),
		around(bug("status-stays", "tells of a ceremony that ended that it goes on", "status", "medium"), members(status, func(o map[string]any) {
			if o["status"] != "unknown" {
				o["status"] = "initialized"
			}
		})),
		around(bug("status-succeeds", "tells of a ceremony that failed that it succeeded", "status", "critical"), members(status, func(o map[string]any) {
			if o["status"] == "failed" {
				o["status"] = "succeeded"
			}
		})),
		around(bug("status-early", "tells of a ceremony that goes on that it succeeded", "status", "critical"), members(status, func(o map[string]any) {
			if o["status"] == "initialized" {
				o["status"] = "succeeded"
			}
		})),
		around(bug("status-of-nothing", "tells of a ceremony that never was that it succeeded", "status", "critical"), members(status, func(o map[string]any) {
			if o["status"] == "unknown" {
				o["status"] = "succeeded"
			}
		})),
		strict(around(bug("status-one-name", "knows the identifier of a ceremony by one name only", "status-names", "low"), refusing(http.StatusBadRequest, func(r *http.Request, body []byte) string {
			if r.URL.Path == status && looseObject(body)["sessionId"] != nil {
				return "fido2SessionId is missing"
			}
			return ""
		}))),
		around(bug("status-malformed", "answers a status request that is no JSON with 200", "status-malformed", "low"), asked(func(r *http.Request, body []byte) []byte {
			if r.URL.Path == status && !json.Valid(body) {
				return []byte(`{"fido2SessionId":"x"}`)
			}
			return body
		})),
		strict(around(bug("one-extension-results-name", "refuses the extension results under the name that the FIDO server API has", "extension-results-name", "low"), refusing(http.StatusBadRequest, func(r *http.Request, body []byte) string {
			if under(r) && looseObject(body)["getClientExtensionResults"] != nil {
				return "unknown member getClientExtensionResults"
			}
			return ""
		}))),
		around(bug("protection-policy-dropped", "leaves credentialProtectionPolicy out of the options", "extensions", "medium"), extension("credentialProtectionPolicy")),
		around(bug("protection-not-enforced", "leaves enforceCredentialProtectionPolicy out of the options", "extensions", "medium"), extension("enforceCredentialProtectionPolicy")),
		around(bug("hmac-secret-dropped", "leaves the hmac-secret extension out of the options", "extensions", "medium"), members(options, func(o map[string]any) {
			if e, ok := o["extensions"].(map[string]any); ok {
				delete(e, "hmacCreateSecret")
				delete(e, "hmacGetSecret")
			}
		})),
		around(bug("cred-props-dropped", "leaves credProps out of the options", "extensions", "low"), extension("credProps")),
		around(bug("protection-policy-unknown", "takes a credentialProtectionPolicy that there is not", "protection-values", "low"), asked(func(r *http.Request, body []byte) []byte {
			if r.URL.Path == options {
				return bytes.Replace(body, []byte(`"userVerificationSometimes"`), []byte(`"userVerificationOptional"`), 1)
			}
			return body
		})),
		around(bug("any-method", "takes any HTTP method", "methods", "low"), asked(func(r *http.Request, body []byte) []byte {
			if under(r) && r.Method != http.MethodOptions {
				r.Method = http.MethodPost
			}
			return body
		})),
		around(bug("any-accept", "does not look at the Accept header", "accept", "low"), asked(func(r *http.Request, body []byte) []byte {
			r.Header.Set("Accept", "application/json")
			return body
		})),
		around(bug("any-content-type", "does not look at the Content-Type header", "content-type", "low"), asked(func(r *http.Request, body []byte) []byte {
			r.Header.Set("Content-Type", "application/json")
			return body
		})),
		strict(around(bug("charset-refused", "refuses a Content-Type that names its charset", "content-type-charset", "medium"), refusing(http.StatusUnsupportedMediaType, func(r *http.Request, _ []byte) string {
			if under(r) && strings.Contains(r.Header.Get("Content-Type"), "charset") {
				return "the Content-Type header is not application/json"
			}
			return ""
		}))),
		strict(around(bug("options-refused", "refuses the OPTIONS of a preflight", "methods-options", "medium"), refusing(http.StatusMethodNotAllowed, func(r *http.Request, _ []byte) string {
			if under(r) && r.Method == http.MethodOptions {
				return "POST only"
			}
			return ""
		}))),
		around(bug("plain-answers", "labels its JSON text/plain", "media-type", "low"), rewriting(func(r *http.Request, k *kept) {
			if under(r) {
				k.header.Set("Content-Type", "text/plain; charset=utf-8")
			}
		})),
		{Bug: bug("failure-4xx", "answers a failed ceremony with 400 where the documents have 200", "failure-status", "low"), configure: func(c *Config) { c.Nevis.FailureStatus = http.StatusBadRequest }},
	}
}
