package judges

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

var update = flag.Bool("update", false, "write docs/judges.md again")

const document = "../../docs/judges.md"

// reference is the judge that is ours: what it alone accepts, nobody else has looked at.
const reference = "reference"

// notGo are the judges that share no library with the virtual authenticator.
var notGo = []string{"simplewebauthn", "python-fido2"}

// TestDocument holds docs/judges.md against the expectations and the cells.
func TestDocument(t *testing.T) {
	e, err := loadExpectations()
	if err != nil {
		t.Fatal(err)
	}
	want, err := describe(e)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(document, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what %s says: run go generate ./internal/judges", document, expectationsFile)
	}
}

// describe writes the expectations for people, for surroundings that have
// nothing that some lack.
func describe(e *expectations) ([]byte, error) {
	cells := coordinatesOfAll()
	accepts := func(j *judge, ceremony string, c coordinates) (bool, error) {
		r := j.find(ceremony, c, nil)
		if r == nil {
			return false, fmt.Errorf("%s: %s: no rule for %s of %s", expectationsFile, j.Name, ceremony, c)
		}
		return r.refuse == nil, nil
	}

	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p(`# Judges

Written by go generate from fixtures/judges.yaml; do not edit.

Everything that the virtual authenticator makes is put to Relying Party libraries that others wrote, two of them not in Go, and to our reference RP:
every attestation format with every algorithm that it can attest and every extension, a registration and an authentication each, %d cells in all.
A test asserts each verdict and the reason of each refusal; a cell without a verdict in the file fails it, and so does a judge that
accepts a signature with one flipped bit. Under none, and with certificates, most libraries store a key without looking at it; whether they can
use it shows at authentication, which is judged by itself.

    make judges

| judge | version | trusts |
| --- | --- | --- |
`, len(cells))
	for _, j := range e.Judges {
		p("| %s | %s | %s |\n", j.Title, j.Version, j.Trust)
	}

	dependent := ""
	for _, j := range e.Judges {
		for _, ceremony := range []string{registration, authentication} {
			for _, c := range cells {
				plain := c
				plain.extension = noExtension
				if j.find(ceremony, c, nil) != j.find(ceremony, plain, nil) {
					dependent += fmt.Sprintf("- %s: %s of %s\n", j.Title, ceremony, c)
				}
			}
		}
	}
	if dependent == "" {
		p("\nNo extension changes a verdict: ")
	} else {
		p("\nAn extension changes the verdict here, and nowhere else:\n\n%s\nThe extensions are ", dependent)
	}
	var names []string
	for _, x := range extensions() {
		if x.name != noExtension && x.name != "all" {
			names = append(names, x.name)
		}
	}
	p("%s, and all of them together.\n", strings.Join(names, ", "))

	for _, ceremony := range []string{registration, authentication} {
		p("\n## Algorithms that are accepted at %s\n\n| format |", ceremony)
		for _, j := range e.Judges {
			p(" %s |", j.Title)
		}
		p("\n| --- |%s\n", strings.Repeat(" --- |", len(e.Judges)))
		for _, format := range formats() {
			p("| %s |", format)
			for _, j := range e.Judges {
				var yes, no []string
				for _, c := range cells {
					if c.format != format || c.extension != noExtension {
						continue
					}
					ok, err := accepts(j, ceremony, c)
					if err != nil {
						return nil, err
					}
					if ok {
						yes = append(yes, c.alg)
					} else {
						no = append(no, c.alg)
					}
				}
				switch {
				case len(no) == 0:
					p(" all |")
				case len(yes) == 0:
					p(" no |")
				case len(no) < len(yes):
					p(" all but %s |", strings.Join(no, ", "))
				default:
					p(" %s |", strings.Join(yes, ", "))
				}
			}
			p("\n")
		}
	}

	p("\n## Why they refuse\n")
	for _, j := range e.Judges {
		var whys []string
		for _, ceremony := range []string{registration, authentication} {
			for _, r := range j.rules(ceremony) {
				if r.Why == "" {
					continue
				}
				what := ""
				if ceremony == registration {
					what = strings.Join(r.Formats, ", ")
					if len(r.Formats) == len(formats()) {
						what = "every format"
					}
					what += " with "
				}
				algorithms := strings.Join(r.Algorithms, ", ")
				if len(r.Algorithms) == len(virtualauth.Algorithms()) {
					algorithms = "every algorithm"
				}
				whys = append(whys, fmt.Sprintf("- %s of %s%s: %s\n", ceremony, what, algorithms, r.Why))
			}
		}
		if len(whys) == 0 {
			p("\n%s refuses none.\n", strings.ToUpper(j.Title[:1])+j.Title[1:])
			continue
		}
		p("\n%s:\n\n%s", j.Title, strings.Join(whys, ""))
	}

	section := func(title, text string, counts func(j *judge) bool) error {
		p("\n## %s\n\n%s\n", title, text)
		for _, ceremony := range []string{registration, authentication} {
			p("\n| %s | algorithms |\n| --- | --- |\n", ceremony)
			for _, format := range formats() {
				var left []string
				for _, c := range cells {
					if c.format != format {
						continue
					}
					seen := false
					for _, j := range e.Judges {
						ok, err := accepts(j, ceremony, c)
						if err != nil {
							return err
						}
						seen = seen || ok && counts(j)
					}
					if !seen && !slices.Contains(left, c.alg) {
						left = append(left, c.alg)
					}
				}
				if len(left) > 0 {
					p("| %s | %s |\n", format, strings.Join(left, ", "))
				}
			}
		}
		return nil
	}
	if err := section("What no judge covers", "No library of others accepts these, so that the reference RP alone vouches for them (with Go 1.26 and Node 20):",
		func(j *judge) bool { return j.Name != reference }); err != nil {
		return nil, err
	}
	err := section("What only a judge in Go covers, or none", "No judge in another language accepts these:", func(j *judge) bool { return slices.Contains(notGo, j.Name) })
	return b.Bytes(), err
}
