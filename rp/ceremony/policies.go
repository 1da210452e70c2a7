package ceremony

import (
	"reflect"
	"sync/atomic"
)

// OtherPolicy is a policy that the RP does not follow and that looks on: it tells
// whether the RP would have gone the same way under it. What was sent while it
// was not told of a difference has the same answers under both policies, and
// leaves the RP in the same state.
//
// It errs on one side alone, and cannot tell whose traffic it saw. It is safe for
// concurrent use.
type OtherPolicy struct {
	Policy Policy
	parted atomic.Bool
}

// Take tells whether there was a difference since the last call.
func (o *OtherPolicy) Take() bool { return o.parted.Swap(false) }

// eye is all by which a ceremony sees the RP's policy.
type eye struct {
	policy Policy
	// asked: something went by the policy.
	asked bool
}

// policy is the RP's policy. Nothing else in this package reads it.
func (c *common) policy() Policy {
	c.eye.asked = true
	return c.eye.policy
}

func (c *common) sees() *eye { return c.eye }

func (c *common) see(e *eye) { c.eye = e }

// otherwise enacts a part of a step and has the other policies look on. A part
// that asked for no policy is the same under all. One that did is enacted again
// on a twin, under the other policy, and must come to the same end in the same
// state; an effect cannot be, so that it is taken for a difference.
func otherwise[T any](others []*OtherPolicy, t *T, effect bool, do func(*T) error) error {
	if len(others) == 0 {
		return do(t)
	}
	type seeing interface {
		ceremonyState
		sees() *eye
		see(*eye)
	}
	now := any(t).(seeing)
	own := now.sees()
	own.asked = false
	before := now.twin()
	err := do(t)
	if !own.asked {
		return err
	}
	after := now.twin()
	for _, o := range others {
		if o.Policy == own.policy {
			continue
		}
		if effect {
			o.parted.Store(true)
			continue
		}
		at := before.(ceremonyState).twin()
		at.(seeing).see(&eye{policy: o.Policy})
		same := sameEnd(err, do(at.(*T)))
		at.(seeing).see(own)
		if !same || !reflect.DeepEqual(at, after) {
			o.parted.Store(true)
		}
	}
	return err
}

// sameEnd tells whether two parts of a step refused with the same words, or neither did.
func sameEnd(one, other error) bool {
	if one == nil || other == nil {
		return one == nil && other == nil
	}
	return one.Error() == other.Error()
}
