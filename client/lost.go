package client

import "errors"

// ErrLost is in the error of a session that ended through nobody's options: its
// browser died, crashed or hung. A new session may well succeed, so whoever ran
// a ceremony may run it again.
var ErrLost = errors.New("the session is lost")

// Lost marks err as one that ended its session.
func Lost(err error) error {
	if err == nil {
		return nil
	}
	return &lost{err}
}

type lost struct{ error }

func (l *lost) Unwrap() []error { return []error{l.error, ErrLost} }
