package attestation

// Spec is the document that all anchors point into.
const Spec = "https://www.w3.org/TR/webauthn-3/"

// Step is one step of a procedure of the specification.
type Step struct {
	// Name is the number in the specification ("7.1.7"), with a word behind it
	// where we divide a step further ("7.1.13.duplicate-keys", "8.3.magic").
	Name string
	// Anchor is the URL of the place in the specification.
	Anchor string
	Title  string
	// Check tells that the step can refuse, and so can be left out.
	Check bool
	// FrontEnd tells that the step happens in the page, where a server sees nothing of it.
	FrontEnd bool
}

// Error is a refusal: the step that failed and why.
type Error struct {
	Step    string
	Anchor  string
	Message string
}

func (e *Error) Error() string { return e.Message }
