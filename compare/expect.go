package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// FormatVersion is the version of the JSON form.
const FormatVersion = 1

// Document is the JSON form of comparisons. It is also what an expectation is
// read from: then the outcomes count, and nothing else.
type Document struct {
	CompareVersion int          `json:"compareVersion"`
	Comparisons    []Comparison `json:"comparisons"`
}

// WriteJSON writes comparisons as a Document.
func WriteJSON(w io.Writer, list []Comparison) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(Document{CompareVersion: FormatVersion, Comparisons: list}); err != nil {
		return fmt.Errorf("write the comparison as JSON: %w", err)
	}
	return nil
}

// ReadJSON reads a Document; name is for errors.
func ReadJSON(name string, data []byte) ([]Comparison, error) {
	var d Document
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&d); err != nil {
		return nil, fmt.Errorf("%s is not a comparison in JSON: %w", name, err)
	}
	if d.CompareVersion != FormatVersion {
		return nil, fmt.Errorf("%s is not a comparison in JSON: compareVersion is %d and not %d", name, d.CompareVersion, FormatVersion)
	}
	return d.Comparisons, nil
}

// Unexpected compares outcomes with those that were expected, comparison by
// comparison in order. A client that was not there is one drift; one that is not
// there now, too. Versions do not count.
func Unexpected(was, now []Comparison) []Drift {
	var out []Drift
	for i := range max(len(was), len(now)) {
		var a, b Comparison
		if i < len(was) {
			a = was[i]
		}
		if i < len(now) {
			b = now[i]
		}
		before, after := byClient(a), byClient(b)
		name := or(b.Name, a.Name)
		for _, o := range a.Outcomes {
			if _, ok := after[o.Client]; !ok {
				out = append(out, Drift{Case: name, Client: o.Client, Field: "outcome", Was: or(o.Fields["outcome"], o.Cannot)})
			}
		}
		for _, o := range b.Outcomes {
			fields, ok := before[o.Client]
			if !ok {
				out = append(out, Drift{Case: name, Client: o.Client, Field: "outcome", Now: or(o.Fields["outcome"], o.Cannot)})
				continue
			}
			one := func(f Fields) *Measurement {
				return &Measurement{Client: o.Client, Cases: map[string]Fields{name: f}}
			}
			out = append(out, Drifts(one(fields), one(recorded(o)))...)
		}
	}
	return out
}

func byClient(c Comparison) map[string]Fields {
	out := map[string]Fields{}
	for _, o := range c.Outcomes {
		out[o.Client] = recorded(o)
	}
	return out
}

// WriteDrifts writes what is not as it was, a line each.
func WriteDrifts(w io.Writer, list []Drift) error {
	var b strings.Builder
	for _, d := range list {
		was, now := fmt.Sprintf("was %s", plain(d.Was)), fmt.Sprintf("is %s", plain(d.Now))
		if d.Was == "" {
			was = "was not there"
		}
		if d.Now == "" {
			now = "is not there now"
		}
		fmt.Fprintf(&b, "%s: %s through %s %s and %s\n", plain(d.Case), d.Field, plain(d.Client), was, now)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write what changed: %w", err)
	}
	return nil
}
