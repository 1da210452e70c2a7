//go:build unix

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// validHeading starts the part of the page that is written from the valid stories,
// the last one: the runs of the suite leave it as it is.
const validHeading = "\n## Valid stories that are refused\n"

// validFigures are what validfuzz writes with -json.
type validFigures struct {
	Seed          string         `json:"seed"`
	Stories       int            `json:"stories"`
	Accepted      int            `json:"accepted"`
	Refused       map[string]int `json:"refused"`
	NotApplicable map[string]int `json:"notApplicable"`
	Again         int            `json:"again"`
	AcceptedAgain int            `json:"acceptedAgain"`
	Undeclared    int            `json:"undeclared"`
}

func (p peer) validReport() string { return filepath.Join(out, p.Name+".valid.json") }

// split cuts the page in what the suite's runs write and what the stories do.
func split(page []byte) (suite, valid []byte) {
	if i := bytes.Index(page, []byte(validHeading)); i >= 0 {
		return page[:i], page[i:]
	}
	return page, nil
}

// validSection writes the part of the page on the valid stories.
func validSection(peers []peer, seed string) ([]byte, error) {
	var w strings.Builder
	rows, stories := "", 0
	for _, p := range peers {
		data, err := os.ReadFile(p.validReport())
		if err != nil {
			return nil, err
		}
		var f validFigures
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", p.validReport(), err)
		}
		sum := func(m map[string]int) (n int) {
			for _, v := range m {
				n += v
			}
			return n
		}
		refused, skipped := sum(f.Refused), sum(f.NotApplicable)
		switch {
		case f.Seed != seed || stories > 0 && f.Stories != stories:
			return nil, fmt.Errorf("%s: %d stories of seed %s, and the others are not", p.validReport(), f.Stories, f.Seed)
		case f.Undeclared > 0 || f.Accepted+refused+skipped != f.Stories:
			return nil, fmt.Errorf("%s: %d accepted, %d refused as declared, %d otherwise and %d not told are not %d", p.validReport(), f.Accepted, refused, f.Undeclared, skipped, f.Stories)
		}
		stories = f.Stories
		var why []string
		for _, reason := range slices.SortedFunc(maps.Keys(f.Refused), func(a, b string) int { return cmp.Or(f.Refused[b]-f.Refused[a], strings.Compare(a, b)) }) {
			why = append(why, fmt.Sprintf("%d: %s", f.Refused[reason], reason))
		}
		declared, err := p.unsupported()
		if err != nil {
			return nil, err
		}
		for _, d := range declared {
			if line := "by chance, told once more: " + d.Reason; d.Chance && !slices.Contains(why, line) {
				why = append(why, line)
			}
		}
		again := "–"
		if f.Again > 0 {
			again = fmt.Sprintf("%d of %d", f.AcceptedAgain, f.Again)
		}
		rows += fmt.Sprintf("| %s %s | %d | %d | %d | %s | %s |\n", p.Library, p.Version, f.Accepted, refused, skipped, cell(strings.Join(why, "<br>")), again)
	}
	fmt.Fprintf(&w, "%s\nWritten by make peers-no-wolf-update. To each sound peer %d stories are told, drawn from one seed: a registration and two logins, all of it legal,\nin up to three unusual forms each. What is refused must be declared in the peer's unsupported.yaml, by what the refusal says and by the form or the attestation\nformat that the story must have for it; anything else fails make peers-no-wolf. A story that was refused for a form is told again without it, so that the rest of it\nis heard; what is then refused still is declared too.\n\n", validHeading, stories)
	w.WriteString("| peer | accepted | refused, as declared | not told | why refused | accepted when told again |\n| --- | --- | --- | --- | --- | --- |\n" + rows)
	return []byte(w.String()), nil
}
