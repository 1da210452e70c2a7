package reports

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// WriteBadge writes an SVG badge, "webauthn-3 | 412 passed" or "webauthn-3 | 3 failed".
// It fetches nothing, and its text has a fixed length so that it looks the same
// with any font.
func WriteBadge(w io.Writer, r *Report) error {
	r = r.settled()
	set, _, _ := strings.Cut(r.Suite.Set, "@")
	label := cut(oneLine(cmp.Or(set, "webauthn")), 40)
	text, color := badgeText(r)
	const pad, height = 6, 20
	lw, tw := textWidth(label), textWidth(text)
	left, right := lw+2*pad, tw+2*pad
	title := xmlEscape(label + ": " + text)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%[3]s">
  <title>%[3]s</title>
  <clipPath id="r"><rect width="%[1]d" height="%[2]d" rx="4"/></clipPath>
  <g clip-path="url(#r)">
    <rect width="%[4]d" height="%[2]d" fill="#3d444d"/>
    <rect x="%[4]d" width="%[5]d" height="%[2]d" fill="%[6]s"/>
  </g>
  <g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
    <text x="%[7]d" y="14" textLength="%[8]d" lengthAdjust="spacingAndGlyphs">%[9]s</text>
    <text x="%[10]d" y="14" textLength="%[11]d" lengthAdjust="spacingAndGlyphs">%[12]s</text>
  </g>
</svg>
`, left+right, height, title, left, right, color, pad, lw, xmlEscape(label), left+pad, tw, xmlEscape(text))
	if err != nil {
		return fmt.Errorf("write badge: %w", err)
	}
	return nil
}

// badgeText says the worst that counts, else how many passed.
func badgeText(r *Report) (text, color string) {
	const (
		red, purple, grey, green = "#b3261e", "#6b3fa0", "#5a6470", "#1a7f37"
	)
	counts := Summary{}
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Scored() {
			counts.add(c.Verdict)
		}
	}
	switch {
	case counts.Failed > 0:
		return fmt.Sprintf("%d failed", counts.Failed), red
	case r.Stopped != nil:
		return "incomplete", grey
	case counts.Errors > 0:
		return plural(counts.Errors, "error", "errors"), purple
	case counts.NotTestable > 0:
		return fmt.Sprintf("%d not testable", counts.NotTestable), purple
	case r.Baseline != nil && len(r.Baseline.Unexpected) > 0:
		return plural(len(r.Baseline.Unexpected), "unexpected pass", "unexpected passes"), red
	case counts.Passed+counts.Warned == 0:
		return "nothing checked", grey
	case counts.Warned > 0:
		return fmt.Sprintf("%d passed, %s", counts.Passed, plural(counts.Warned, "warning", "warnings")), green
	}
	return fmt.Sprintf("%d passed", counts.Passed), green
}

// textWidth is about how wide text is in 11 px Verdana, in pixels.
func textWidth(s string) int {
	tenths := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljI.,:;|!' ", r):
			tenths += 40
		case strings.ContainsRune("frt-()/", r):
			tenths += 48
		case strings.ContainsRune("mwMW@%", r):
			tenths += 104
		case r < 0x80:
			tenths += 70
		default:
			tenths += 110
		}
	}
	return (tenths + 9) / 10
}

func xmlEscape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(xmlText(s))); err != nil {
		return ""
	}
	return b.String()
}
