package compare

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
)

// Found is options that a file holds.
type Found struct {
	// Where says where in the file.
	Where string
	// Method is create or get.
	Method    string
	Options   json.RawMessage
	Mediation string
	// Origin is the page's where the file tells, else empty.
	Origin string
	// TopOrigin is that of the page around it where the file tells.
	TopOrigin string
	// Authenticator is what answered where the file tells, else nil.
	Authenticator *client.AuthenticatorConfig
	// Recorded is what came of the call where the file tells, else nil.
	Recorded *Recorded
}

// maxFound bounds what one file gives.
const maxFound = 50

// ReadOptions finds the options in a file: options alone, {"publicKey": …}, an
// RP's answer that holds them at any depth, a HAR, a trace or a report, of which
// check names the check. name is for errors. There is at least one where the
// error is nil.
func ReadOptions(name string, data []byte, check string) ([]Found, error) {
	data = bytes.TrimPrefix(bytes.TrimSpace(data), []byte("\xef\xbb\xbf"))
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
			return nil, fmt.Errorf("%s is not JSON: line %d: %w", name, line, err)
		}
		return nil, fmt.Errorf("%s is not JSON: %w", name, err)
	}
	top, ok := doc.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s holds %s and not options", name, kind(doc))
	}
	var out []Found
	isReport := false
	switch {
	case top["log"] != nil:
		out = fromHAR(data)
	case top["traceVersion"] != nil:
		out = fromTrace(data)
	case top["schemaVersion"] != nil:
		isReport = true
		if check == "" {
			return nil, fmt.Errorf("%s is a report of many checks, and no --check says which", name)
		}
		out = fromReport(data, check)
	default:
		out = search(data, "", 0)
		if len(out) == 0 {
			// A request needs no more than its challenge, and a broken one not even that.
			if method := methodOf(top); method != "" {
				out = []Found{{Method: method, Options: data}}
			}
		}
	}
	if check != "" && !isReport {
		return nil, fmt.Errorf("%s is no report, so there is no check in it", name)
	}
	switch {
	case len(out) == 0 && isReport:
		return nil, fmt.Errorf("%s keeps no exchange of the check %s with options in it", name, check)
	case len(out) == 0:
		return nil, fmt.Errorf("%s holds no options: no object in it has a challenge beside rp, user, pubKeyCredParams, rpId or allowCredentials", name)
	case len(out) > maxFound:
		out = out[:maxFound]
	}
	for i := range out {
		out[i].Where = strings.TrimSpace(name + " " + out[i].Where)
	}
	return out, nil
}

var (
	creationMembers = []string{"pubKeyCredParams", "pubKeyCredParam", "user", "excludeCredentials", "authenticatorSelection", "attestation", "attestationFormats"}
	requestMembers  = []string{"rpId", "allowCredentials", "userVerification"}
)

// methodOf says what an object is for; empty where it is no options.
func methodOf(o map[string]any) string {
	has := func(names []string) (n int) {
		for _, name := range names {
			if _, ok := o[name]; ok {
				n++
			}
		}
		return n
	}
	_, challenge := o["challenge"]
	rp, isObject := o["rp"].(map[string]any)
	creation, request := has(creationMembers), has(requestMembers)
	if isObject && len(rp) > 0 {
		creation++
	}
	switch {
	case challenge && creation > 0, creation > 1:
		return "create"
	case challenge && request > 0, request > 1:
		return "get"
	case challenge:
		return "get"
	default:
		return ""
	}
}

// search finds options in a JSON document, outermost first; publicKey is options
// by its name.
func search(data json.RawMessage, path string, depth int) []Found {
	if depth > 12 {
		return nil
	}
	switch first(data) {
	case '{':
		var o map[string]json.RawMessage
		if json.Unmarshal(data, &o) != nil {
			return nil
		}
		if inner, ok := o["publicKey"]; ok && first(inner) == '{' {
			var members map[string]any
			if json.Unmarshal(inner, &members) == nil {
				// In {"publicKey": {"publicKey": …}} both are meant, the outer by the page.
				method := methodOf(members)
				if method == "" {
					method = "create"
					if _, nested := members["publicKey"]; nested {
						return search(inner, join(path, "publicKey"), depth+1)
					}
				}
				var mediation string
				_ = json.Unmarshal(o["mediation"], &mediation) // absent or of another type: none
				return []Found{{Where: join(path, "publicKey"), Method: method, Options: inner, Mediation: mediation}}
			}
		}
		var members map[string]any
		if json.Unmarshal(data, &members) == nil {
			if method := methodOf(members); method != "" && members["challenge"] != nil {
				return []Found{{Where: path, Method: method, Options: data}}
			}
		}
		var out []Found
		names := make([]string, 0, len(o))
		for name := range o {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			out = append(out, search(o[name], join(path, name), depth+1)...)
		}
		return out
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(data, &list) != nil {
			return nil
		}
		var out []Found
		for i, item := range list {
			out = append(out, search(item, fmt.Sprintf("%s[%d]", path, i), depth+1)...)
		}
		return out
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func first(data []byte) byte {
	if data = bytes.TrimSpace(data); len(data) > 0 {
		return data[0]
	}
	return 0
}

// fromHAR finds options in the answers of a HTTP Archive 1.2.
func fromHAR(data []byte) []Found {
	var har struct {
		Log struct {
			Entries []struct {
				Request struct {
					Method   string
					URL      string
					Headers  []struct{ Name, Value string }
					PostData struct{ Text string }
				}
				Response struct {
					Content struct{ Text, Encoding string }
				}
			}
		}
	}
	if json.Unmarshal(data, &har) != nil {
		return nil
	}
	var out []Found
	agent := ""
	for i, e := range har.Log.Entries {
		for _, credential := range sentCredentials([]byte(e.Request.PostData.Text), 0) {
			pair(out, credential, agent)
		}
		body := []byte(e.Response.Content.Text)
		if e.Response.Content.Encoding == "base64" {
			b, err := base64.StdEncoding.DecodeString(e.Response.Content.Text)
			if err != nil {
				continue
			}
			body = b
		}
		origin := ""
		for _, h := range e.Request.Headers {
			switch {
			case strings.EqualFold(h.Name, "origin") && h.Value != "null":
				origin = h.Value
			case strings.EqualFold(h.Name, "user-agent"):
				agent = h.Value
			}
		}
		for _, f := range search(body, "", 0) {
			if len(out) == maxFound {
				break // credentials are looked for among them
			}
			f.Where = strings.TrimSpace(fmt.Sprintf("entry %d (%s %s) %s", i+1, e.Request.Method, e.Request.URL, f.Where))
			f.Origin = origin
			out = append(out, f)
		}
	}
	return out
}

// fromReport finds options in the exchanges of a check.
func fromReport(data []byte, check string) []Found {
	var report struct {
		Targets []struct{ Name, Origin string }
		Checks  []struct {
			ID, Target, Client string
			Aliases            []string
			Exchanges          []struct {
				Step                           string
				ResponseBody, ResponseEncoding string
			}
		}
	}
	if json.Unmarshal(data, &report) != nil {
		return nil
	}
	var out []Found
	for _, c := range report.Checks {
		if c.ID != check && !slices.Contains(c.Aliases, check) {
			continue
		}
		for i, e := range c.Exchanges {
			body := []byte(e.ResponseBody)
			if e.ResponseEncoding == "base64" {
				b, err := base64.StdEncoding.DecodeString(e.ResponseBody)
				if err != nil {
					continue
				}
				body = b
			}
			for _, f := range search(body, "", 0) {
				f.Where = fmt.Sprintf("%s on %s through %s, exchange %d (%s)", c.ID, c.Target, c.Client, i+1, e.Step)
				for _, t := range report.Targets {
					if t.Name == c.Target {
						f.Origin = t.Origin
					}
				}
				out = append(out, f)
			}
		}
	}
	return out
}

// HeldFor are the credentials that an authenticator must hold for options to be
// met: those of allowCredentials, one that is discoverable where there is no list,
// and, where excluded is set, those of excludeCredentials. Where it is known what
// came of the call they are those that it must have met.
func HeldFor(f Found, origin string, cfg client.AuthenticatorConfig, excluded bool) []Held {
	a := asked{method: f.Method}
	_ = json.Unmarshal(f.Options, &a.doc) // options that do not decode name none
	scope := RPIDFor(f, origin)
	if held, known := f.Recorded.held(f.Method, scope, cfg); known {
		return held
	}
	excluded = excluded || f.Recorded.excluded()
	name, list := a.descriptors()
	if f.Method == "create" && !excluded {
		return nil
	}
	var out []Held
	for _, v := range list {
		o, _ := v.(map[string]any)
		text, _ := o["id"].(string)
		id, err := decode(text)
		if err != nil || len(id) == 0 || slices.ContainsFunc(out, func(h Held) bool { return bytes.Equal(h.ID, id) }) {
			continue
		}
		// One is enough to be met, and a virtual authenticator has room for three.
		out = append(out, Held{ID: id, RPID: scope, Resident: false, UserHandle: []byte("user of the credential")})
		break
	}
	if name == "allowCredentials" && len(list) == 0 && cfg.ResidentKeys && !cfg.U2F {
		out = append(out, Held{ID: []byte("a discoverable credential"), RPID: scope, Resident: true, UserHandle: []byte("user of the credential")})
	}
	return out
}

// RPIDFor is the RP ID of the options, the page's own where they name none.
func RPIDFor(f Found, origin string) string {
	a := asked{method: f.Method}
	_ = json.Unmarshal(f.Options, &a.doc) // options that do not decode name none
	path := []string{"rpId"}
	if f.Method == "create" {
		path = []string{"rp", "id"}
	}
	return or(a.text(path...), rpID(origin))
}

// OriginFor is a page that may claim the options' RP ID, https://rp.example where
// they name none.
func OriginFor(f Found) string {
	a := asked{method: f.Method}
	_ = json.Unmarshal(f.Options, &a.doc) // options that do not decode name none
	id := a.text("rpId")
	if f.Method == "create" {
		id = a.text("rp", "id")
	}
	switch {
	case id == "localhost" || strings.HasSuffix(id, ".localhost"):
		return "http://" + id
	case plainDomain(id):
		return "https://" + id
	default:
		return CaseOrigin
	}
}

func plainDomain(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-.") == "" && s == strings.ToLower(s) &&
		!strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") && strings.Trim(s, "0123456789.") != ""
}
