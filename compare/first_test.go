package compare

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// firstCase is one of the 82 cases that were measured first, by hand, with older
// versions of both browsers, and which of ours asks the same.
type firstCase struct {
	Name  string   `json:"name"`
	Cases []string `json:"cases"`
	// Chrome and Firefox are what was seen, in the words of Fields.
	Chrome  Fields `json:"chrome"`
	Firefox Fields `json:"firefox"`
	// But says why something is otherwise here, by "client field".
	But map[string]string `json:"but"`
}

func firstMeasured(t *testing.T) []firstCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "first-measured.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []firstCase
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestFirstMeasured ties each of them to ours: it is asked, and the outcome on
// record is the one that was seen first.
func TestFirstMeasured(t *testing.T) {
	list := firstMeasured(t)
	if len(list) != 82 {
		t.Errorf("the table has %d rows, want 82", len(list))
	}
	ours := cases(t)
	for _, f := range list {
		but := map[string]bool{}
		for _, name := range f.Cases {
			at := slices.IndexFunc(ours, func(c Case) bool { return c.Name == name })
			if at < 0 {
				t.Errorf("%s: there is no case %s", f.Name, name)
				continue
			}
			for client, want := range map[string]Fields{"chrome": f.Chrome, "firefox": f.Firefox} {
				if want["outcome"] == "" {
					t.Errorf("%s: the table has no outcome of %s", f.Name, client)
				}
				got := measured(t, client).Cases[name]
				if got["cannot"] != "" {
					if !ours[at].Input.Authenticator.U2F || client != "firefox" {
						t.Errorf("%s: %s cannot be asked %s: %s", f.Name, client, name, got["cannot"])
					}
					continue
				}
				for field, value := range want {
					// What the table writes as nothing.
					is := strings.NewReplacer("none", "", "empty", "").Replace(got[field])
					if field == "algorithm" {
						is, _, _ = strings.Cut(is, " ")
					}
					if field == "outcome" || field == "format" {
						is = got[field]
					}
					switch reason := f.But[client+" "+field]; {
					case is == value:
					case reason == "":
						t.Errorf("%s: %s of %s was %q and %s has %q on record", f.Name, field, client, value, name, is)
					default:
						but[client+" "+field] = true
					}
				}
			}
		}
		for reason := range f.But {
			if !but[reason] {
				t.Errorf("%s: %q is not otherwise any more", f.Name, reason)
			}
		}
	}
}

// TestFirstMeasuredIsWhole holds the table against the measurement itself, where
// that is at hand: no case is left out, and its outcomes are not changed.
func TestFirstMeasuredIsWhole(t *testing.T) {
	vectors := os.Getenv("TOUCHSTONE_VECTORS")
	if vectors == "" {
		t.Skip("optional: TOUCHSTONE_VECTORS is not set: beside the folder it names the first measurement may lie; TestFirstMeasured holds the table of it")
	}
	data, err := os.ReadFile(filepath.Join(vectors, "..", "facts", "interop-cases.json"))
	if err != nil {
		t.Skip("optional: the first measurement is not beside the test vectors")
	}
	var doc struct {
		Cases []struct{ Name, Chrome, Firefox string }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	list := firstMeasured(t)
	if len(doc.Cases) != len(list) {
		t.Errorf("%d cases were measured, and the table has %d", len(doc.Cases), len(list))
	}
	for _, c := range doc.Cases {
		at := slices.IndexFunc(list, func(f firstCase) bool { return f.Name == c.Name })
		if at < 0 {
			t.Errorf("%s is not in the table", c.Name)
			continue
		}
		for client, says := range map[string][2]string{"chrome": {c.Chrome, list[at].Chrome["outcome"]}, "firefox": {c.Firefox, list[at].Firefox["outcome"]}} {
			want := resolved
			if text, ok := strings.CutPrefix(says[0], "ERR "); ok {
				if want, _, _ = strings.Cut(text, ":"); want == "TimeoutError" {
					want = waiting // that was the signal that ended it
				}
			}
			if says[1] != want {
				t.Errorf("%s: %s had %s, and the table %s", c.Name, client, want, says[1])
			}
		}
	}
}
