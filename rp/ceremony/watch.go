package ceremony

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
)

// Watch tells of a sound RP which bugs of the core would have answered what it
// was sent in another way. A bug that would not have has no part in what was
// asked, and need not be tried on it.
//
// It errs on one side alone: a bug that it does not name would have answered the
// same, one that it names may have. It is safe for concurrent use, but cannot
// tell whose traffic it saw.
type Watch struct {
	looking map[string]bool
	mu      sync.Mutex
	// seen are the bugs since the last Take.
	seen map[string]bool
}

// NewWatch makes a Watch that looks out for these bugs; Config.Watch takes it.
func NewWatch(bugs ...string) *Watch {
	w := &Watch{looking: map[string]bool{}, seen: map[string]bool{}}
	for _, name := range bugs {
		w.looking[name] = true
	}
	return w
}

// LooksFor tells whether the bug is one of those that the Watch was made for.
func (w *Watch) LooksFor(bug string) bool { return w.looking[bug] }

// Take names the bugs that would have made a difference since the last call.
func (w *Watch) Take() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = map[string]bool{}
	return seen
}

// Note names a bug, of the core or of the HTTP face.
func (w *Watch) Note(bug string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[bug] = true
}

// Noted tells whether the bug was named since the last Take.
func (w *Watch) Noted(bug string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[bug]
}

// Watched tells whether a Watch can tell of this bug of the core. It cannot
// where the bug works outside of the checks of steps: in the options that are
// issued, after a ceremony, in what a step changes in the RP.
func Watched(bug string) bool {
	i := slices.IndexFunc(deviations(), func(d deviation) bool { return d.Name == bug })
	return i >= 0 && deviations()[i].watched()
}

func (d deviation) watched() bool {
	if d.unwatched {
		return false
	}
	for _, name := range d.leaveOut {
		if strings.HasPrefix(name, "7.2.24") {
			return false // the effect of a step, not its check
		}
	}
	if d.hooks == nil {
		return true
	}
	h := d.hooks()
	return h.created == nil && h.requested == nil && h.settled == nil
}

// shadow is a deviation that looks on.
type shadow struct {
	bug   string
	judge func(any, func() error) error
}

// shadows are all watched deviations, by the step whose check they stand for,
// and by the steps that they leave out.
type shadows struct {
	watch   *Watch
	hooked  map[string][]shadow
	leaving map[string][]string
}

func newShadows(w *Watch) *shadows {
	if w == nil {
		return nil
	}
	s := &shadows{watch: w, hooked: map[string][]shadow{}, leaving: map[string][]string{}}
	for _, d := range deviations() {
		if !w.LooksFor(d.Name) || !d.watched() {
			continue
		}
		for _, name := range d.leaveOut {
			s.leaving[name] = append(s.leaving[name], d.Name)
		}
		if d.hooks != nil {
			for name, judge := range d.hooks().steps {
				s.hooked[name] = append(s.hooked[name], shadow{d.Name, judge})
			}
		}
	}
	return s
}

// refused notes who leaves out the step that a ceremony came to its end at. A
// step that was not passed over in vain refuses somebody, and the first that
// does is the end.
func (s *shadows) refused(step string) {
	if s == nil {
		return
	}
	for name, bugs := range s.leaving {
		switch {
		case name == step:
		case strings.HasPrefix(step, "7.1.13") && name == "7.1.13.attested-data": // changes how the rest is read
		case strings.HasPrefix(step, "8.9") && strings.HasPrefix(name, "8."): // of one of the parts
		default:
			continue
		}
		for _, bug := range bugs {
			s.watch.Note(bug)
		}
	}
}

// passed notes who builds certificate paths in another way, at the end of a ceremony that had some.
func (s *shadows) passed(ceremony any) {
	r, ok := ceremony.(*registration)
	if s == nil || !ok || len(r.paths) == 0 {
		return
	}
	for _, name := range []string{"7.1.24.order", "7.1.24.signatures", "7.1.24.own-root"} {
		for _, bug := range s.leaving[name] {
			s.watch.Note(bug)
		}
	}
}

// ceremonyState is what a step works on.
type ceremonyState interface {
	// twin is a copy that can be changed without changing the ceremony or, but for
	// what hangs on rp, the RP.
	twin() any
}

// shadowed is the check of a step with the bugs that stand in its place looking on.
func shadowed[T any](s *shadows, name string, check func(*T) error) func(*T) error {
	if s == nil || len(s.hooked[name]) == 0 {
		return check
	}
	return func(t *T) error {
		before := any(t).(ceremonyState).twin()
		var err error
		if check != nil {
			err = check(t)
		}
		changes := !reflect.DeepEqual(before, any(t).(ceremonyState).twin())
		for _, b := range s.hooked[name] {
			if !s.watch.Noted(b.bug) && differs(b, before, err, changes) {
				s.watch.Note(b.bug)
			}
		}
		return err
	}
}

// differs tells whether a bug would have judged otherwise than err, or left the
// ceremony in another state than the step's check, which makes changes or does not.
func differs(b shadow, before any, err error, changes bool) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = true
		}
	}()
	at := before.(ceremonyState).twin()
	asked, touched := false, false
	own := b.judge(at, func() error {
		asked = true
		touched = touched || !reflect.DeepEqual(at, before)
		return err
	})
	switch {
	case (own == nil) != (err == nil), own != nil && own.Error() != err.Error():
		return true
	case touched, changes && !asked:
		return true
	}
	return !reflect.DeepEqual(at, before)
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func (c common) twin() common {
	if c.claim != nil {
		claim := *c.claim
		claim.pending = clone(claim.pending)
		c.claim = &claim
	}
	c.cd, c.ad, c.id = clone(c.cd), clone(c.ad), slices.Clone(c.id)
	return c
}

func (r *registration) twin() any {
	t := *r
	t.common = r.common.twin()
	t.object, t.key, t.record, t.model = clone(r.object), clone(r.key), clone(r.record), clone(r.model)
	if r.attestation != nil {
		t.attestation = new(attestation.Result)
		*t.attestation = *r.attestation
	}
	return &t
}

func (a *authentication) twin() any {
	t := *a
	t.common = a.common.twin()
	t.record, t.account = clone(a.record), clone(a.account)
	return &t
}
