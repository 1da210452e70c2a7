package target

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// A secret may be sent or answered in another form than its own: encoded, escaped,
// or as a part of a longer text that was encoded as a whole. secretForms lists
// what to look for.

// secretForm is a text that gives a secret away.
type secretForm struct {
	text string
	// alphabet is that of an encoding whose characters at the edges may hold a part
	// of the secret and a part of its neighbours; before and after say on which sides.
	alphabet      string
	before, after bool
}

const (
	base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
	base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// secretForms are the forms of a secret, each once. A secret that is encoded text
// itself may be sent decoded, so that what it decodes to is a secret too.
func secretForms(secret string) []secretForm {
	var out []secretForm
	seen := map[string]bool{}
	add := func(f secretForm) {
		if len(f.text) >= minSecret && !seen[f.text] {
			seen[f.text] = true
			out = append(out, f)
		}
	}
	for _, s := range append([]string{secret}, decodedSecrets(secret)...) {
		if len(s) < minSecret {
			continue
		}
		for _, t := range textForms(s) {
			add(secretForm{text: t})
			for _, f := range encodedForms(t) {
				add(f)
				for _, again := range escapedForms(f.text) {
					add(secretForm{again, f.alphabet, f.before, f.after})
				}
				// Encoded twice, as a Basic header is in a payload that is base64 itself.
				if f.alphabet == base64Alphabet {
					for _, twice := range encodedForms(f.text) {
						add(twice)
					}
				}
			}
		}
	}
	return out
}

// decodedSecrets are what a secret decodes to, where it is base64 or hex of text;
// of name:password also the password.
func decodedSecrets(secret string) []string {
	var out []string
	if b, err := looseBase64(secret); err == nil {
		out = append(out, string(b))
	}
	if b, err := hex.DecodeString(secret); err == nil {
		out = append(out, string(b))
	}
	for _, s := range slices.Clone(out) {
		if _, password, ok := strings.Cut(s, ":"); ok {
			out = append(out, password)
		}
	}
	return out
}

// textForms are the escapes of a text in JSON, addresses, HTML and shells, the
// text itself first.
func textForms(s string) []string {
	escapes := []func(string) string{
		func(s string) string { return s },
		jsonEscape(false, false), jsonEscape(true, false), jsonEscape(false, true), jsonEscape(true, true),
		jsonSlashes,
		percent("-_.~", true, true), percent("-_.~", true, false), percent("-_.~", false, true), percent("-_.~", false, false),
		percent("-_.!~*'()", false, true), percent("-_.*", true, true), percent("$&+=:@-_.~", false, true), url.PathEscape,
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&quot;").Replace,
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace,
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#x27;", `"`, "&quot;").Replace,
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;", `"`, "&quot;").Replace,
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
		strings.NewReplacer("'", `'\''`).Replace,
		strings.NewReplacer(`"`, `""`).Replace,
		strings.NewReplacer("\\", `\\`, "\t", `\t`, "\r", `\r`, "\n", `\n`).Replace,
	}
	var out []string
	keep := func(t string) {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	for _, f := range escapes {
		keep(f(s))
	}
	// JSON in a string of JSON.
	for _, t := range []string{jsonEscape(false, false)(s), jsonEscape(true, false)(s), jsonSlashes(s)} {
		keep(jsonEscape(false, false)(t))
	}
	return out
}

// escapedForms are the escapes of text in base64's alphabet.
func escapedForms(s string) []string {
	var out []string
	if strings.ContainsAny(s, "+/=") {
		out = append(out,
			strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(s),
			strings.NewReplacer("+", "%2b", "/", "%2f", "=", "%3d").Replace(s),
			strings.ReplaceAll(s, "+", "%2B"), strings.ReplaceAll(s, "/", "%2F"),
			strings.ReplaceAll(s, "/", `\/`), strings.ReplaceAll(s, "+", `\u002b`), strings.ReplaceAll(s, "+", `\u002B`))
	}
	return out
}

// encodedForms are what an encoder makes of a text, wherever in the encoded text
// it stands: its characters that depend on nothing else, at each alignment.
func encodedForms(s string) []secretForm {
	var out []secretForm
	for shift := range 3 {
		text, before, after := core(s, shift, 3, 6, base64.RawStdEncoding.EncodeToString)
		out = append(out, secretForm{text, base64Alphabet, before, after})
		if u := strings.NewReplacer("+", "-", "/", "_").Replace(text); u != text {
			out = append(out, secretForm{u, base64Alphabet, before, after})
		}
	}
	for shift := range 5 {
		text, before, after := core(s, shift, 5, 5, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString)
		out = append(out, secretForm{text, base32Alphabet, before, after})
	}
	h := hex.EncodeToString([]byte(s))
	return append(out, secretForm{text: h}, secretForm{text: strings.ToUpper(h)})
}

// core is the part of the encoding of any text that holds s at an offset of shift
// bytes (of group) which depends on s alone, at bits a character. The characters
// beside it depend on s in part: before and after say whether there are such.
func core(s string, shift, group, bits int, encode func([]byte) string) (text string, before, after bool) {
	padded := append(make([]byte, shift), s...)
	from := (shift*8 + bits - 1) / bits
	to := len(padded) * 8 / bits
	if to <= from {
		return "", false, false
	}
	return encode(padded)[from:to], shift != 0, len(padded)%group != 0
}

// jsonEscape escapes as JSON writers do: html those that guard against HTML, ascii
// those that write ASCII only.
func jsonEscape(html, ascii bool) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, r := range s {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r == '\n':
				b.WriteString(`\n`)
			case r == '\r':
				b.WriteString(`\r`)
			case r == '\t':
				b.WriteString(`\t`)
			case r == '\b':
				b.WriteString(`\b`)
			case r == '\f':
				b.WriteString(`\f`)
			case r < ' ', html && strings.ContainsRune("<>&", r), html && (r == 0x2028 || r == 0x2029), ascii && r > '~' && r < 0x10000:
				fmt.Fprintf(&b, `\u%04x`, r)
			case ascii && r > '~':
				hi, lo := utf16.EncodeRune(r)
				fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}
}

// jsonSlashes is JSON as writers have it that escape slashes too, in ASCII.
func jsonSlashes(s string) string {
	return strings.ReplaceAll(jsonEscape(false, true)(s), "/", `\/`)
}

// percent escapes all but letters, digits and the marks given; plus writes a
// space as +, upper the hex digits in capitals.
func percent(marks string, plus, upper bool) func(string) string {
	format := "%%%02x"
	if upper {
		format = "%%%02X"
	}
	return func(s string) string {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(marks, c) >= 0:
				b.WriteByte(c)
			case c == ' ' && plus:
				b.WriteByte('+')
			default:
				fmt.Fprintf(&b, format, c)
			}
		}
		return b.String()
	}
}

// finder finds forms of secrets in texts, in one pass whatever their number.
type finder struct {
	// pairs are the first two bytes of all forms, starts the forms by their first minSecret.
	pairs  [1 << 16 / 64]uint64
	starts map[string][]secretForm
}

func newFinder(secrets []string) *finder {
	f := &finder{starts: map[string][]secretForm{}}
	seen := map[string]bool{}
	for _, s := range secrets {
		if len(s) < minSecret || seen[s] {
			continue
		}
		seen[s] = true
		for _, form := range secretForms(s) {
			pair := uint(form.text[0])<<8 | uint(form.text[1])
			f.pairs[pair/64] |= 1 << (pair % 64)
			f.starts[form.text[:minSecret]] = append(f.starts[form.text[:minSecret]], form)
		}
	}
	return f
}

// spans finds where secrets stand in s, in order; they may touch, and do not overlap.
func (f *finder) spans(s string) [][2]int {
	var out [][2]int
	if f == nil || len(f.starts) == 0 {
		return nil
	}
	for i := 0; i+minSecret <= len(s); i++ {
		pair := uint(s[i])<<8 | uint(s[i+1])
		if f.pairs[pair/64]&(1<<(pair%64)) == 0 {
			continue
		}
		from, to := i, i
		for _, form := range f.starts[s[i:i+minSecret]] {
			if !strings.HasPrefix(s[i:], form.text) {
				continue
			}
			end := i + len(form.text)
			if form.after && end < len(s) && strings.IndexByte(form.alphabet, s[end]) >= 0 {
				end++
			}
			if form.before && i > 0 && strings.IndexByte(form.alphabet, s[i-1]) >= 0 {
				from = i - 1
			}
			to = max(to, end)
		}
		if to == i {
			continue
		}
		if n := len(out); n > 0 && from < out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], to)
		} else {
			out = append(out, [2]int{from, to})
		}
	}
	return out
}

// replace writes redacted where secrets stand.
func (f *finder) replace(s string) string {
	spans := f.spans(s)
	if len(spans) == 0 {
		return s
	}
	var b strings.Builder
	at := 0
	for _, p := range spans {
		b.WriteString(s[at:p[0]])
		b.WriteString(redacted)
		at = p[1]
	}
	b.WriteString(s[at:])
	return b.String()
}

// cutOff replaces the beginnings of secrets that an ellipsis cut, as messages
// are cut: a secret's first characters tell much of it.
func (f *finder) cutOff(s string) string {
	if f == nil {
		return s
	}
	for at := strings.Index(s, "..."); at >= 0; {
		cut := at
		for n := range f.starts {
			for _, form := range f.starts[n] {
				for k := min(len(form.text)-1, at); k >= minCut; k-- {
					if strings.HasSuffix(s[:at], form.text[:k]) {
						cut = min(cut, at-k)
						break
					}
				}
			}
		}
		if cut < at {
			s = s[:cut] + redacted + s[at:]
			at = cut + len(redacted)
		}
		next := strings.Index(s[at+3:], "...")
		if next < 0 {
			break
		}
		at += 3 + next
	}
	return s
}

// minCut is the shortest beginning of a secret that is taken for one.
const minCut = 4
