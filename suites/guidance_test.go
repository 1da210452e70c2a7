package suites

import (
	"regexp"
	"strings"
	"testing"
)

// Every check says what it guards against and what the likely mend is, and
// nothing in the guide speaks of checks that there are not.
func TestGuidanceIsComplete(t *testing.T) {
	g, err := shippedGuide()
	if err != nil {
		t.Fatal(err)
	}
	used, counts := map[string]int{}, make([]int, len(g.entries))
	for _, c := range Catalogue() {
		e := g.of(c.ID)
		if e == nil {
			t.Errorf("%s: no guidance: add an entry to fixtures/guidance.yaml", c.ID)
			continue
		}
		used[e.Class]++
		for i := range g.entries {
			if e == &g.entries[i] {
				counts[i]++
			}
		}
		if c.Class() == nil || c.Mend() != e.Mend {
			t.Errorf("%s: Class and Mend do not say what the guide says", c.ID)
		}
		if c.Story != nil && g.sent(c.ID) == "" {
			t.Errorf("%s: a story that nothing tells: add what it sends to fixtures/guidance.yaml, stories", c.ID)
		}
		if c.Sent() == "" || c.MustHappen() == "" {
			t.Errorf("%s: nothing says what is sent or what must happen", c.ID)
		}
	}
	for i, e := range g.entries {
		if len(e.Mend) < 60 || !strings.HasSuffix(e.Mend, ".") && !strings.HasSuffix(e.Mend, ").") {
			t.Errorf("%v: the mend %q is no sentence that helps", e.Checks, e.Mend)
		}
		for _, glob := range e.Checks {
			n := 0
			for _, c := range Catalogue() {
				if globMatch(glob, c.ID) {
					n++
				}
			}
			if n == 0 {
				t.Errorf("the glob %s matches no check", glob)
			}
		}
		if counts[i] == 0 && !e.Family {
			t.Errorf("%v: later entries take all its checks", e.Checks)
		}
	}
	for _, s := range g.stories {
		if len(s.Sent) < 40 || !strings.HasSuffix(s.Sent, ".") {
			t.Errorf("%v: %q is no sentence that tells", s.Checks, s.Sent)
		}
		for _, glob := range s.Checks {
			n := 0
			for _, c := range Catalogue() {
				if c.Story != nil && globMatch(glob, c.ID) {
					n++
				}
			}
			if n == 0 {
				t.Errorf("stories: the glob %s matches no story", glob)
			}
		}
	}
	record := regexp.MustCompile(`^(CVE-\d{4}-\d{4,}|GHSA(-[a-z0-9]{4}){3}|[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?#\d+)$`)
	known := map[string]bool{}
	for _, c := range g.order {
		if used[c.ID] == 0 {
			t.Errorf("class %s: no check guards against it", c.ID)
		}
		if c.Title == "" || len(c.Text) < 80 || (len(c.Records) == 0) != (c.None != "") {
			t.Errorf("class %s: title, text, or records and the reason for none", c.ID)
		}
		for _, r := range c.Records {
			known[r.ID] = true
			if !record.MatchString(r.ID) || r.Product == "" || r.What == "" {
				t.Errorf("class %s: record %+v", c.ID, r)
			}
		}
	}
	for _, c := range Catalogue() {
		for _, id := range c.Vulnerabilities() {
			if !known[id] {
				t.Errorf("%s names %s, which is in no class", c.ID, id)
			}
		}
	}
}
