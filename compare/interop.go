package compare

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// Note is what a case says of a difference that it is there to show.
type Note struct {
	// Client is the engine that departs: chrome or firefox.
	Client string `yaml:"client"`
	// Field is the field of the difference; empty means any.
	Field  string `yaml:"field"`
	Class  Class  `yaml:"class"`
	Anchor string `yaml:"anchor"`
	Why    string `yaml:"why"`
}

// Case is one case of fixtures/interop.
type Case struct {
	// Name is its family and what it is, such as algorithms.string.
	Name  string
	Title string
	// Family is what the cases of the family are about.
	Family string
	Input  Input
	Notes  []Note
}

// caseFile is the form of fixtures/interop/cases/*.yaml.
type caseFile struct {
	Family string     `yaml:"family"`
	Title  string     `yaml:"title"`
	Method string     `yaml:"method"`
	Cases  []caseYAML `yaml:"cases"`
}

type caseYAML struct {
	Name   string `yaml:"name"`
	Title  string `yaml:"title"`
	Method string `yaml:"method"`
	// Options are members in the place of those of the base; Whole is the whole value.
	Options       map[string]any `yaml:"options"`
	Whole         any            `yaml:"whole"`
	JSON          bool           `yaml:"json"`
	Bare          bool           `yaml:"bare"`
	Aborted       bool           `yaml:"aborted"`
	Mediation     string         `yaml:"mediation"`
	Longest       int            `yaml:"longest"`
	Authenticator string         `yaml:"authenticator"`
	Origin        string         `yaml:"origin"`
	Frame         Frame          `yaml:"frame"`
	// Related are the related origins of RP IDs.
	Related map[string][]string `yaml:"related"`
	Held    []struct {
		ID       string `yaml:"id"`
		RPID     string `yaml:"rp-id"`
		Resident bool   `yaml:"resident"`
		User     string `yaml:"user"`
	} `yaml:"held"`
	Registered []map[string]any `yaml:"registered"`
	Notes      []Note           `yaml:"notes"`
}

// CaseOrigin is the origin of the cases that name none.
const CaseOrigin = "https://rp.example"

// interopTimeout bounds a ceremony of a case that waits for nobody, in milliseconds.
const interopTimeout = 8000

func text32(s string) string {
	b := make([]byte, 32)
	copy(b, s)
	return base64.RawURLEncoding.EncodeToString(b)
}

// The options that a case's members are put into.
func baseOptions(method string) map[string]any {
	if method == "get" {
		return map[string]any{"challenge": text32("challenge of an interop case"), "timeout": interopTimeout}
	}
	return map[string]any{
		"rp":               map[string]any{"name": "RP"},
		"user":             map[string]any{"id": text32("user of an interop case"), "name": "u", "displayName": "U"},
		"challenge":        text32("challenge of an interop case"),
		"pubKeyCredParams": []any{map[string]any{"type": "public-key", "alg": -7}},
		"timeout":          interopTimeout,
	}
}

// Authenticators are the authenticators that cases name.
var Authenticators = map[string]client.AuthenticatorConfig{
	"usb":             Equivalent(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true}),
	"nfc":             Equivalent(client.AuthenticatorConfig{Transport: "nfc", ResidentKeys: true, UserVerification: true}),
	"ble":             Equivalent(client.AuthenticatorConfig{Transport: "ble", ResidentKeys: true, UserVerification: true}),
	"internal":        Equivalent(client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true}),
	"hybrid":          Equivalent(client.AuthenticatorConfig{Transport: "hybrid", ResidentKeys: true, UserVerification: true}),
	"u2f":             {U2F: true},
	"no-uv":           Equivalent(client.AuthenticatorConfig{ResidentKeys: true}),
	"no-rk":           Equivalent(client.AuthenticatorConfig{UserVerification: true}),
	"plain":           Equivalent(client.AuthenticatorConfig{}),
	"cred-blob":       withCredBlob(Equivalent(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})),
	"backup-eligible": Equivalent(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true, BackupEligible: true}),
	"backed-up":       Equivalent(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true, BackupEligible: true, BackupState: true}),
}

// Equivalent gives an authenticator the extensions that all clients can give one
// that speaks CTAP2, so that those which cannot leave them out have no more.
func Equivalent(cfg client.AuthenticatorConfig) client.AuthenticatorConfig {
	if !cfg.U2F {
		cfg.With.PRF, cfg.With.MinPINLength, cfg.With.LargeBlob = true, true, cfg.ResidentKeys
	}
	return cfg
}

func withCredBlob(cfg client.AuthenticatorConfig) client.AuthenticatorConfig {
	cfg.With.CredBlob = true
	return cfg
}

// Cases are the cases of fixtures/interop, by family and in the order of the
// files. Callers must not change them.
func Cases() ([]Case, error) { return loadCases() }

var loadCases = sync.OnceValues(func() ([]Case, error) {
	files, err := fs.Glob(fixtures.Interop(), "cases/*.yaml")
	if err != nil {
		return nil, err
	}
	var out []Case
	seen := map[string]bool{}
	for _, name := range files {
		data, err := fs.ReadFile(fixtures.Interop(), name)
		if err != nil {
			return nil, err
		}
		var f caseFile
		if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, y := range f.Cases {
			c, err := y.read(f)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, y.Name, err)
			}
			if seen[c.Name] {
				return nil, fmt.Errorf("%s: there are two cases %s", name, c.Name)
			}
			seen[c.Name] = true
			out = append(out, c)
		}
	}
	return out, nil
})

func (y caseYAML) read(f caseFile) (Case, error) {
	c := Case{Name: f.Family + "." + y.Name, Title: y.Title, Family: f.Title, Notes: y.Notes}
	for _, n := range y.Notes {
		if n.Client != "chrome" && n.Client != "firefox" || n.Why == "" ||
			!slices.Contains([]Class{RP, Browser, Token, Allowed}, n.Class) || n.Class == Browser && n.Anchor == "" {
			return c, fmt.Errorf("a note must have a client (chrome or firefox), a class and a why, and an anchor where the class is browser")
		}
	}
	if y.Frame.Top == "" && (y.Frame.Between != nil || y.Frame.Allow != nil || y.Frame.Untouched) {
		return c, fmt.Errorf("a frame must have a top")
	}
	method := or(y.Method, f.Method)
	in := Input{
		Name: c.Name, Origin: or(y.Origin, CaseOrigin), Frame: y.Frame, Related: y.Related, notes: y.Notes,
		Call: client.Call{
			Method: method, JSON: y.JSON, Bare: y.Bare, Aborted: y.Aborted, Mediation: y.Mediation,
			Longest: time.Duration(y.Longest) * time.Millisecond,
		},
	}
	var ok bool
	if in.Authenticator, ok = Authenticators[or(y.Authenticator, "usb")]; !ok {
		return c, fmt.Errorf("there is no authenticator %q", y.Authenticator)
	}
	options := y.Whole
	if o, ok := options.(map[string]any); ok && len(o) == 1 && o["$json"] == "null" {
		options = json.RawMessage("null") // YAML's null would be no value at all
	} else if options == nil && method != "create" && method != "get" {
		options = map[string]any{"$undefined": true}
	}
	if options == nil && !y.Bare {
		members := baseOptions(method)
		for name, v := range y.Options {
			members[name] = v
		}
		options = members
	}
	var err error
	if in.Call.Options, err = json.Marshal(options); err != nil {
		return c, err
	}
	for _, h := range y.Held {
		held := Held{ID: []byte(h.ID), RPID: or(h.RPID, rpID(in.Origin)), Resident: h.Resident, UserHandle: []byte(h.User)}
		in.Held = append(in.Held, held)
	}
	for _, members := range y.Registered {
		base := baseOptions("create")
		for name, v := range members {
			base[name] = v
		}
		text, err := json.Marshal(base)
		if err != nil {
			return c, err
		}
		in.Registered = append(in.Registered, text)
	}
	c.Input = in
	return c, nil
}

// SelectCases leaves the cases whose name matches one of the globs; all where there are none.
func SelectCases(cases []Case, globs []string) ([]Case, error) {
	if len(globs) == 0 {
		return cases, nil
	}
	var out []Case
	used := make([]bool, len(globs))
	for _, c := range cases {
		keep := false
		for i, g := range globs {
			ok, err := path.Match(g, c.Name)
			if err != nil {
				return nil, fmt.Errorf("the glob %q: %w", g, err)
			}
			if ok {
				keep, used[i] = true, true
			}
		}
		if keep {
			out = append(out, c)
		}
	}
	for i, ok := range used {
		if !ok {
			return nil, fmt.Errorf("no case matches %q", globs[i])
		}
	}
	return out, nil
}

// Measurement is what one version of one client made of the cases.
type Measurement struct {
	Client  string `json:"client"`
	Version string `json:"version"`
	// Cases are the fields of each outcome by the case's name; {"cannot": why}
	// where the client could not be asked.
	Cases map[string]Fields `json:"cases"`
}

// FileName is where the measurement is kept, below fixtures/interop/measured.
func (m *Measurement) FileName() string {
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
				return r
			}
			return '-'
		}, s)
	}
	return clean(m.Client) + "-" + clean(m.Version) + ".json"
}

// JSON is the file's text: a case a line, so that a change shows as one.
func (m *Measurement) JSON() ([]byte, error) {
	var b bytes.Buffer
	head, err := json.Marshal(map[string]string{"client": m.Client, "version": m.Version})
	if err != nil {
		return nil, err
	}
	b.Write(bytes.TrimSuffix(head, []byte("}")))
	b.WriteString(",\"cases\":{")
	for i, name := range slices.Sorted(maps.Keys(m.Cases)) {
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		var fields bytes.Buffer
		e := json.NewEncoder(&fields)
		e.SetEscapeHTML(false)
		if err := e.Encode(m.Cases[name]); err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n%s:%s", key, bytes.TrimSpace(fields.Bytes()))
	}
	b.WriteString("\n}}\n")
	return b.Bytes(), nil
}

// ParseMeasurement reads a file that JSON made; name is for errors.
func ParseMeasurement(name string, data []byte) (*Measurement, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var m Measurement
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%s is not a measurement: %w", name, err)
	}
	if m.Client == "" || m.Version == "" || m.Cases == nil {
		return nil, fmt.Errorf("%s is not a measurement: it must have client, version and cases", name)
	}
	return &m, nil
}

// Measured are the measurements that are shipped, the newest version of each client first.
func Measured() ([]*Measurement, error) {
	files, err := fs.Glob(fixtures.Interop(), "measured/*.json")
	if err != nil {
		return nil, err
	}
	var out []*Measurement
	for _, name := range files {
		data, err := fs.ReadFile(fixtures.Interop(), name)
		if err != nil {
			return nil, err
		}
		m, err := ParseMeasurement(name, data)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b *Measurement) int {
		if c := strings.Compare(a.Client, b.Client); c != 0 {
			return c
		}
		return compareVersions(b.Version, a.Version)
	})
	return out, nil
}

// compareVersions compares numbers between dots as numbers.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, err1 := strconv.Atoi(x[i])
		n, err2 := strconv.Atoi(y[i])
		if err1 != nil || err2 != nil {
			if c := strings.Compare(x[i], y[i]); c != 0 {
				return c
			}
			continue
		}
		if m != n {
			return m - n
		}
	}
	return len(x) - len(y)
}

// Measure collects what a client made of the cases.
func Measure(list []Comparison, client string) *Measurement {
	m := &Measurement{Client: client, Cases: map[string]Fields{}}
	for _, c := range list {
		for _, o := range c.Outcomes {
			if o.Client == client {
				m.Version = o.Version
				m.Cases[c.Name] = recorded(o)
			}
		}
	}
	return m
}

func recorded(o Outcome) Fields {
	if o.Cannot != "" {
		return Fields{"cannot": o.Cannot}
	}
	return o.Fields
}

// Drift is a field of a case that is not as it was recorded.
type Drift struct {
	Case   string `json:"case"`
	Client string `json:"client"`
	Field  string `json:"field"`
	// Was is empty for a field or a case that was not there, Now for one that is gone.
	Was string `json:"was"`
	Now string `json:"now"`
}

// Drifts compares two measurements over the cases of now. A case that was not
// recorded is one drift of the field "outcome".
func Drifts(was, now *Measurement) []Drift {
	var out []Drift
	for _, name := range slices.Sorted(maps.Keys(now.Cases)) {
		a, b := was.Cases[name], now.Cases[name]
		if a == nil {
			out = append(out, Drift{name, now.Client, "outcome", "", or(b["outcome"], b["cannot"])})
			continue
		}
		for _, field := range append([]string{"cannot"}, FieldNames...) {
			if a[field] != b[field] {
				out = append(out, Drift{name, now.Client, field, a[field], b[field]})
			}
			if field == "outcome" && a[field] != b[field] {
				break // the rest follows from it
			}
		}
	}
	return out
}
