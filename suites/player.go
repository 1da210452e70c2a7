package suites

import (
	"context"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
)

// Player plays checks one by one, for front ends that bring a runner of their
// own, such as Ginkgo or go test. It judges exactly as Run does; only health
// ceremonies between checks and the stopping of a run are left to the front end.
type Player struct {
	run   *run
	lanes []*Lane
}

// Lane is one target through one client, with the checks that the client carries.
type Lane struct{ l *lane }

// NewPlayer lays out cfg's lanes. Jobs and Progress are not used.
func NewPlayer(cfg Config) (*Player, error) {
	r, lanes, err := newRun(cfg)
	if err != nil {
		return nil, err
	}
	p := &Player{run: r}
	for _, l := range lanes {
		p.lanes = append(p.lanes, &Lane{l})
	}
	return p, nil
}

// Lanes lists the lanes, target by target.
func (p *Player) Lanes() []*Lane { return p.lanes }

// Target is the lane's Relying Party.
func (l *Lane) Target() *target.Target { return l.l.target }

// Client is the lane's client.
func (l *Lane) Client() client.Client { return l.l.client }

// Checks are the checks that the lane's client carries, in catalogue order.
func (l *Lane) Checks() []*Check { return l.l.checks }

// Play runs one check.
func (l *Lane) Play(ctx context.Context, c *Check) reports.Check {
	if u, ok := l.l.client.(*client.Unavailable); ok {
		return l.l.run.result(l.l, c, played{judgement: judgement{reports.NotTestable, clientUnavailable, u.Error()}})
	}
	return l.l.run.result(l.l, c, l.l.play(ctx, c))
}

// Health runs a plain registration and authentication. ok is false with the
// reason when no verdict of the lane would mean anything.
func (l *Lane) Health(ctx context.Context) (ok bool, message string) {
	if u, is := l.l.client.(*client.Unavailable); is {
		return false, u.Error()
	}
	j := l.l.health(ctx, "first")
	return j.verdict == reports.Pass, j.message
}
