package suites

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Sent says in a sentence or two what the check sends, for people.
func (c *Check) Sent() string {
	faults := c.Faults()
	switch {
	case c.Story != nil:
		if g, err := shippedGuide(); err == nil {
			if s := g.sent(c.ID); s != "" {
				return s
			}
		}
		return "Several steps, as the title says; each is a valid ceremony but for what the title names."
	case len(faults) == 0:
		return fmt.Sprintf("A valid %s.", c.Ceremony)
	}
	s := fmt.Sprintf("A valid %s with exactly one change, %s", c.Ceremony, strings.Join(faults, ", "))
	for _, name := range c.Fault.Names() {
		if f, ok := virtualauth.LookupFault(name); ok {
			s += ": " + f.Doc
		}
	}
	for _, f := range target.AllWireFaults() {
		for _, name := range c.Wire.Names() {
			if name == f.Name {
				s += ": " + lowerFirst(strings.TrimSuffix(f.Doc, "."))
			}
		}
	}
	return s + "."
}

// MustHappen says what the RP must do, for people.
func (c *Check) MustHappen() string {
	if c.Level == Posture {
		return "Nothing fails here but a server that crashes; what the RP does is reported as a finding where it is worth one."
	}
	switch c.Expect {
	case Reject:
		return fmt.Sprintf("The RP refuses it, in its dialect's own way of refusing. A crash, a hang, an HTML page or an undeclared 5xx is no refusal. It counts only if the same %s without the change is accepted.", c.Ceremony)
	case Accept:
		return "The RP accepts it."
	}
	switch {
	case strings.HasSuffix(c.Title, " is refused"):
		return "The RP refuses it, in its dialect's own way of refusing, and accepts the valid ceremony of the same kind beside it: else the refusal shows nothing."
	case strings.HasSuffix(c.Title, " is accepted"):
		return "The RP accepts it."
	case strings.Contains(c.Title, " does not log in"), strings.Contains(c.Title, " does not serve"), strings.Contains(c.Title, " serves one "), strings.Contains(c.Title, " good only in "):
		return "The RP refuses the response that the title speaks of, in its dialect's own way of refusing, and accepts the valid ceremony beside it. A login that is refused leaves the session logged out."
	default:
		return c.Title + "."
	}
}

var vulnerability = regexp.MustCompile(`CVE-\d{4}-\d+|GHSA-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}`)

// Vulnerabilities are the published ones of the class that the check guards against.
func (c *Check) Vulnerabilities() []string { return vulnerability.FindAllString(c.Why, -1) }
