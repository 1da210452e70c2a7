package reports

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// badgeTexts returns the texts of r's badge, read as XML.
func badgeTexts(t *testing.T, r *Report) []string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBadge(&b, r); err != nil {
		t.Fatal(err)
	}
	var texts []string
	dec := xml.NewDecoder(&b)
	for in := ""; ; {
		token, err := dec.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			in = e.Name.Local
			if !strings.Contains("svg title clipPath rect g text", in) {
				t.Errorf("element %s", in)
			}
			for _, a := range e.Attr {
				if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("attribute %s", a.Name.Local)
				}
			}
		case xml.EndElement:
			in = ""
		case xml.CharData:
			if in == "text" {
				texts = append(texts, string(e))
			}
		}
	}
}

func TestBadge(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Report, *Check)
		want string
	}{
		{"pass", nil, "1 passed"},
		{"fail", verdict(Fail), "1 failed"},
		{"warn", verdict(Warn), "0 passed, 1 warning"},
		{"not testable", verdict(NotTestable), "1 not testable"},
		{"error", verdict(Error), "1 error"},
		{"not applicable", verdict(NotApplicable), "nothing checked"},
		{"accepted", func(_ *Report, c *Check) { c.Verdict, c.Accepted = Fail, "known" }, "nothing checked"},
		{"stopped", func(r *Report, _ *Check) { r.Stopped = &Stop{Reason: StopInterrupted} }, "incomplete"},
		{"unexpected", func(r *Report, _ *Check) { r.Baseline = &BaselineUse{Unexpected: []UnexpectedPass{{}}} }, "1 unexpected pass"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := one(test.edit)
			r.Suite.Set = "webauthn-3@2026-05"
			if got := badgeTexts(t, r); len(got) != 2 || got[0] != "webauthn-3" || got[1] != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestBadgeIsHarmless: the set's name cannot become markup.
func TestBadgeIsHarmless(t *testing.T) {
	r := one(nil)
	r.Suite.Set = "<script>x</script>\x00"
	if got := badgeTexts(t, r); len(got) != 2 || got[0] != `<script>x</script>\x00` {
		t.Errorf("got %q", got)
	}
}
