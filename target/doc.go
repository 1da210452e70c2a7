// Package target speaks to a Relying Party: it reads a profile (the file that
// says how to), runs its steps over HTTP, maps options and responses between
// the Relying Party's dialect and the JSON of WebAuthn Level 3, applies wire
// faults to the result body, and keeps a log of every exchange.
//
// A dialect is a profile without a target. The vendors' dialects are embedded
// profiles with no privileges: anything they say, a file of one's own can say.
//
// The flow is
//
//	p, err := target.LoadDialect("fido")
//	t, err := target.New(p, target.Options{URL: "https://rp.example"})
//	s := t.NewSession(t.NewUser("alice"))
//	err = s.Setup(ctx)
//	c, err := s.Begin(ctx, target.Registration, target.Request{})
//	// a client turns c.Options into a RegistrationResponseJSON
//	outcome, err := c.Finish(ctx, credential, target.WireFaults{})
//
// The package never judges: it says what the Relying Party answered, not
// whether that was right.
package target
