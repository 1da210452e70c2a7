package reports

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func htmlText(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, r, HTMLOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func eachElement(t *testing.T, page string, visit func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			visit(n)
		}
	}
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// everywhereHostile is the sample with hostile text in every member that is text.
func everywhereHostile(t *testing.T) *Report {
	r := sample(t)
	r.Suite = Suite{hostile, hostile, hostile, hostile}
	r.Command, r.Notes = hostile, []string{hostile}
	r.Environment = map[string]string{hostile: hostile}
	r.Stopped = &Stop{Reason: hostile, Target: hostile, Message: hostile}
	r.Targets[0] = Target{hostile, hostile, hostile, hostile, hostile, hostile}
	r.Clients[0] = Client{hostile, hostile}
	r.Health[1] = Health{Target: hostile, Client: hostile, When: hostile, Message: hostile}
	r.Baseline.Unexpected[0] = UnexpectedPass{hostile, hostile, hostile, hostile, hostile, hostile}
	r.Baseline.Unused[0] = BaselineEntry{ID: hostile, Reason: hostile}
	r.Requirements[hostile] = Requirement{Anchor: "javascript:window.pwned=3", Title: hostile}
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Target, c.Dialect = hostile, hostile
		if i%2 == 0 {
			c.Client = hostile
		}
		c.ID = hostile + c.ID
		c.Title, c.Message, c.Hint, c.Rerun = hostile, hostile, hostile, hostile
		c.Mend, c.Guards, c.Records = hostile, hostile, []string{hostile}
		c.Reason, c.Level = hostile, hostile
		c.Requirements, c.Faults, c.Notes = []string{hostile}, []string{hostile}, []string{hostile}
		c.Evidence = []Evidence{{Kind: hostile, MediaType: "image/png", Text: hostile, Data: []byte(hostile), Note: hostile}, {Kind: hostile, MediaType: hostile, Data: []byte(hostile)}}
		c.Exchanges = []Exchange{{
			Step: hostile, Method: hostile, URL: "javascript:window.pwned=4", RequestBody: hostile, ResponseBody: hostile, Note: hostile,
			RequestHeaders: map[string][]string{hostile: {hostile}}, ResponseHeaders: map[string][]string{hostile: {hostile}},
			Decoded: map[string]any{hostile: hostile},
		}}
		if i%5 == 0 {
			c.Verdict = Verdict(hostile)
		}
	}
	return r
}

// TestHTMLIsInert: whatever an RP answers, the page has the elements that the
// template has, no handlers, one script and one style that the policy names,
// and links only within the page and to web pages.
func TestHTMLIsInert(t *testing.T) {
	allowed := map[string]bool{}
	for _, name := range strings.Fields(`html head meta title style body script header div p span h1 h2 h3 ul li main section table thead
		tbody tr th td input button details summary code strong b br dl dt dd a pre figure figcaption img`) {
		allowed[name] = true
	}
	for name, r := range map[string]*Report{"sample": sample(t), "hostile": everywhereHostile(t)} {
		t.Run(name, func(t *testing.T) {
			page := htmlText(t, r)
			scripts, styles, policy := 0, 0, ""
			eachElement(t, page, func(n *html.Node) {
				if !allowed[n.Data] {
					t.Errorf("element %s", n.Data)
				}
				for _, a := range n.Attr {
					switch {
					case n.Data == "img" && a.Key == "src" && strings.HasPrefix(a.Val, "data:image/"):
					case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "srcset", a.Key == "srcdoc", a.Key == "action":
						t.Errorf("attribute %s=%q of %s", a.Key, a.Val, n.Data)
					case a.Key == "href" && !strings.HasPrefix(a.Val, "#f") && !strings.HasPrefix(a.Val, "https://www.w3.org/"):
						t.Errorf("link to %q", a.Val)
					}
				}
				if equiv, _ := attr(n, "http-equiv"); equiv == "Content-Security-Policy" {
					policy, _ = attr(n, "content")
				}
				switch n.Data {
				case "script":
					scripts++
					if want := "script-src 'sha256-" + hashOf(n.FirstChild.Data) + "'"; !strings.Contains(policy, want) {
						t.Errorf("the policy %q does not name the script: %s", policy, want)
					}
				case "style":
					styles++
					if want := "style-src 'sha256-" + hashOf(n.FirstChild.Data) + "'"; !strings.Contains(policy, want) {
						t.Errorf("the policy %q does not name the style: %s", policy, want)
					}
				}
			})
			if scripts != 1 || styles != 1 {
				t.Errorf("%d scripts and %d styles, want one each", scripts, styles)
			}
			if !strings.HasPrefix(policy, "default-src 'none'; ") {
				t.Errorf("policy %q", policy)
			}
			if strings.ContainsAny(page, "\x00\x1b\u202e") {
				t.Error("a control character is in the page")
			}
		})
	}
}

// TestHTMLShowsAll: every failure can be found from the matrix, and tells the
// message, the command and what went over the wire.
func TestHTMLShowsAll(t *testing.T) {
	r := sample(t)
	page := htmlText(t, r)
	ids := map[string]bool{}
	links, rows, text := 0, 0, strings.Builder{}
	eachElement(t, page, func(n *html.Node) {
		if id, ok := attr(n, "id"); ok {
			if ids[id] {
				t.Errorf("id %s is there twice", id)
			}
			ids[id] = true
		}
		if _, ok := attr(n, "data-verdicts"); ok && n.Data == "tr" {
			rows++
		}
		if n.Data == "pre" || n.Data == "code" || n.Data == "dd" {
			for d := range n.Descendants() {
				if d.Type == html.TextNode {
					text.WriteString(d.Data)
				}
			}
			text.WriteByte('\n')
		}
	})
	eachElement(t, page, func(n *html.Node) {
		if href, _ := attr(n, "href"); strings.HasPrefix(href, "#") {
			links++
			if !ids[href[1:]] {
				t.Errorf("%s leads nowhere", href)
			}
		}
	})
	if want := 25; links != want {
		t.Errorf("%d links from the matrix, want one for each of %d checks that did not pass", links, want)
	}
	if want := 12; rows != want {
		t.Errorf("%d rows, want %d", rows, want)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Verdict.quiet() {
			continue
		}
		if !strings.Contains(text.String(), c.Rerun) {
			t.Errorf("no command for %s", c.key())
		}
		if c.ID != "registration.challenge.other" && !strings.Contains(page, html.EscapeString(c.Message)) &&
			!strings.Contains(text.String(), c.Message) {
			t.Errorf("no message for %s", c.key())
		}
	}
	for _, want := range []string{`"type": "webauthn.get"`, `"credentialId": "01020304"`, `"3 (alg)": "-7 (ES256)"`, `{"status":"ok","errorMessage":""}`, "CN=Sample Attestation"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s is not shown", want)
		}
	}
}

// TestHTMLIsBounded: a page of very many failures with very long answers stays small enough to open.
func TestHTMLIsBounded(t *testing.T) {
	r := one(nil)
	base := r.Checks[0]
	r.Checks = nil
	long := strings.Repeat("A", 1<<20)
	for i := range 200 {
		c := base
		c.Client = fmt.Sprintf("client-%d", i)
		c.Verdict, c.Message = Fail, "bad"
		c.Exchanges = []Exchange{{Step: "x", ResponseBody: long, Status: 200}}
		r.Checks = append(r.Checks, c)
	}
	page := htmlText(t, r)
	if len(page) > 3<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	for _, want := range []string{"1024000 more bytes are in the JSON report", "160 more like it are in the JSON report"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
