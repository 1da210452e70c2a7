package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// WriteJSON writes r in its canonical form: sorted, counted, indented by two
// spaces, ending in a line feed. The schema is fixtures/schemas/report.schema.json.
func WriteJSON(w io.Writer, r *Report) error {
	data, err := encodeJSON(r.settled())
	if err != nil {
		return fmt.Errorf("write JSON report: %w", err)
	}
	// A byte that is not UTF-8 is written as an escape, but read back as a
	// character: one more round makes the form the same for ever after.
	if bytes.Contains(data, []byte(`\ufffd`)) {
		var again Report
		if err := json.Unmarshal(data, &again); err != nil {
			return fmt.Errorf("write JSON report: %w", err)
		}
		if data, err = encodeJSON(&again); err != nil {
			return fmt.Errorf("write JSON report: %w", err)
		}
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write JSON report: %w", err)
	}
	return nil
}

func encodeJSON(r *Report) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ReadJSON reads a report that WriteJSON wrote. Members it does not know are
// skipped, so that a newer program's report can be read. The name is for errors.
func ReadJSON(name string, in io.Reader) (*Report, error) {
	dec := json.NewDecoder(in)
	var r Report
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s: not a report: %w", name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: not a report: something follows the JSON object", name)
	}
	if r.SchemaVersion != SchemaVersion {
		return nil, fmt.Errorf("%s: schemaVersion is %d, this program reads %d", name, r.SchemaVersion, SchemaVersion)
	}
	seen := make(map[key]bool, len(r.Checks))
	for i := range r.Checks {
		c := &r.Checks[i]
		if _, err := ParseVerdict(string(c.Verdict)); err != nil {
			return nil, fmt.Errorf("%s: checks[%d] %s: %w", name, i, oneLine(c.ID), err)
		}
		if seen[c.key()] {
			return nil, fmt.Errorf("%s: checks[%d]: %s is there twice", name, i, c.key())
		}
		seen[c.key()] = true
	}
	return &r, nil
}

// settled returns a copy of r as every form wants it: sorted, counted, and with
// empty lists where JSON demands a list. The checks' own contents are shared.
func (r *Report) settled() *Report {
	out := *r
	if out.SchemaVersion == 0 {
		out.SchemaVersion = SchemaVersion
	}
	out.Targets = orEmpty(r.Targets)
	out.Clients = orEmpty(r.Clients)
	out.Checks = orEmpty(slices.Clone(r.Checks))
	for i := range out.Checks {
		c := &out.Checks[i]
		c.Requirements = orEmpty(c.Requirements)
		c.Exchanges = orEmpty(c.Exchanges)
	}
	out.Sort()
	out.Summarize()
	return &out
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// key is what makes a check unique in a report.
type key struct{ target, dialect, client, id string }

func (c *Check) key() key { return key{c.Target, c.Dialect, c.Client, c.ID} }

func (k key) String() string {
	return fmt.Sprintf("%s on %s through %s", oneLine(k.id), oneLine(place(k.target, k.dialect)), oneLine(k.client))
}

// place names a target, and its dialect where the name does not say it.
func place(target, dialect string) string {
	if target == dialect || dialect == "" {
		return target
	}
	return target + " (" + dialect + ")"
}
