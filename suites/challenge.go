package suites

import (
	"context"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// settleChallenges finds out, for ceremonies whose profile says that a challenge
// is either decoded or taken as text, which of the two the RP accepts, and notes
// it in the report. Where it takes both, or neither, decoded is used: the first
// health then says what is wrong.
func (l *lane) settleChallenges(ctx context.Context) {
	for _, kind := range []string{Registration, Authentication} {
		if l.target.ChallengeEncoding(kind) != target.ChallengeEither {
			continue
		}
		var taken []string
		for _, encoding := range []string{target.ChallengeDecoded, target.ChallengeText} {
			l.target.TakeChallenge(kind, encoding)
			c := l.newCase(ctx, &Check{ID: "health.challenge.encoding", Level: Must}, "health/challenge/"+kind+"/"+encoding)
			j := c.judge(func() {
				a := c.Account("alice", client.AuthenticatorConfig{})
				if kind == Authentication {
					a.Register(Setting{})
				}
				c.MustAccept(a.Run(kind, Setting{}, virtualauth.Faults{}, target.WireFaults{}, true), "a plain "+kind)
			})
			c.close()
			if j.verdict == reports.Error || j.reason == reports.ReasonCrash || j.reason == reports.ReasonTimeout {
				l.target.TakeChallenge(kind, target.ChallengeDecoded)
				return // nothing is told by that; the first health says what it is
			}
			if j.verdict == reports.Pass {
				taken = append(taken, encoding)
			}
		}
		said := "refuses a challenge both decoded and as text"
		use := target.ChallengeDecoded
		switch len(taken) {
		case 1:
			use = taken[0]
			said = map[string]string{target.ChallengeDecoded: "takes a challenge decoded, and not as text", target.ChallengeText: "takes a challenge as text, and not decoded"}[use]
		case 2:
			said = "takes a challenge both decoded and as text; decoded is used"
		}
		l.target.TakeChallenge(kind, use)
		l.run.mu.Lock()
		l.run.report.Notes = append(l.run.report.Notes, fmt.Sprintf("%s: the %s %s (challengeEncoding: either)", l.target.Name(), kind, said))
		l.run.mu.Unlock()
	}
}
