package reports

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func terminalText(t *testing.T, r *Report, o TerminalOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteTerminal(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTerminalIsHarmless: no answer of an RP reaches the terminal as a control.
func TestTerminalIsHarmless(t *testing.T) {
	for name, report := range map[string]*Report{"sample": sample(t), "hostile": everywhereHostile(t)} {
		for _, r := range terminalText(t, report, TerminalOptions{}) {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("%s: the summary has %U in it", name, r)
			}
		}
	}
	text := terminalText(t, sample(t), TerminalOptions{})
	colored := terminalText(t, sample(t), TerminalOptions{Color: true})
	if !strings.Contains(colored, "\x1b[1;31mFAIL\x1b[0m") {
		t.Error("no colour although it was asked for")
	}
	plain := colored
	for _, sgr := range []string{"0", bold, dim, green, yellow, purple, redBold, greenBold, purpleBold, yellowBold} {
		plain = strings.ReplaceAll(plain, "\x1b["+sgr+"m", "")
	}
	if strings.Contains(plain, "\x1b") {
		t.Error("an escape sequence that is none of ours")
	}
	if plain != text {
		t.Error("colour changes more than the colour")
	}
}

// TestTerminalWidth: lines keep to the width, but commands, URLs and tables stay whole.
func TestTerminalWidth(t *testing.T) {
	for _, width := range []int{60, 100, 140} {
		text := terminalText(t, sample(t), TerminalOptions{Width: width})
		for _, line := range strings.Split(text, "\n") {
			prose := strings.HasPrefix(line, "  what") || strings.HasPrefix(line, "  hint") || strings.HasPrefix(line, "note") ||
				strings.HasPrefix(line, "  checks") || strings.HasPrefix(line, "  where")
			longest := 0
			for _, word := range strings.Fields(line) {
				longest = max(longest, utf8.RuneCountInString(word))
			}
			if n := utf8.RuneCountInString(line); prose && n > width && longest < width-12 {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
			if strings.HasSuffix(line, " ") {
				t.Errorf("width %d: space at the end of %q", width, line)
			}
		}
		if want := "rerun   touchstone run --dialect fido --client virtual --check registration.client-data.type-is-get --seed 7f3a91c2\n"; !strings.Contains(text, want) {
			t.Errorf("width %d: the command is broken", width)
		}
	}
}

// TestTerminalFewAndMany: condensed lists say how much they leave out.
func TestTerminalFewAndMany(t *testing.T) {
	r := one(nil)
	base := r.Checks[0]
	r.Checks = nil
	for i := range 20 {
		c := base
		c.ID, c.Order = "registration.attestation.c"+strings.Repeat("x", i), i
		c.Verdict, c.Reason, c.Message = NotTestable, ReasonTwin, "the twin was refused"
		r.Checks = append(r.Checks, c)
		c.ID += ".na"
		c.Verdict, c.Message = NotApplicable, "reason "+strings.Repeat("y", i)
		r.Checks = append(r.Checks, c)
	}
	text := terminalText(t, r, TerminalOptions{})
	for _, want := range []string{"20 checks for one cause", "and 14 more", "and 8 more reasons", "not shown to be conformant"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

func TestTerminalStopped(t *testing.T) {
	r := one(nil)
	r.Stopped = &Stop{Reason: StopUnreachable, Message: "no answer from https://rp.example: start it first", Left: 41}
	text := terminalText(t, r, TerminalOptions{})
	if !strings.Contains(text, "incomplete\n  The run was stopped: no answer from https://rp.example: start it first (41 checks not run)\n") {
		t.Errorf("got:\n%s", text)
	}
}

func TestDuration(t *testing.T) {
	for ms, want := range map[int64]string{0: "0 ms", 999: "999 ms", 1000: "1.0 s", 12_345: "12.3 s", 60_000: "1 min 00 s", 200_400: "3 min 20 s"} {
		if got := duration(ms); got != want {
			t.Errorf("%d: got %s, want %s", ms, got, want)
		}
	}
}
