package reports

import "time"

// SchemaVersion is the version of the JSON form. It changes only when a member
// goes away or changes its meaning; new members may appear at any time.
const SchemaVersion = 1

// Report is the result of one run: some checks, put to some targets through
// some clients.
type Report struct {
	SchemaVersion int `json:"schemaVersion"`
	// Suite identifies the catalogue of checks and what decides their bytes.
	Suite Suite `json:"suite"`
	// Started is when the run began; zero means unknown.
	Started time.Time `json:"started,omitzero"`
	// Command is the command line of the run, secrets left out.
	Command string `json:"command,omitempty"`
	// Environment names what the run ran on, such as "go" or "os".
	Environment map[string]string `json:"environment,omitempty"`
	// Shard is set on the report of one shard of a run.
	Shard   *Shard   `json:"shard,omitempty"`
	Targets []Target `json:"targets"`
	Clients []Client `json:"clients"`
	// Summary counts the verdicts of Checks; Summarize fills it.
	Summary Summary `json:"summary"`
	// Stopped says why the run ended before all its checks were done; nil when
	// it did not.
	Stopped *Stop `json:"stopped,omitempty"`
	// Health lists the plain ceremonies that were run to see whether the target
	// is alive and is set up rightly.
	Health []Health `json:"health,omitempty"`
	// Features lists where the target does otherwise than its profile declares.
	Features []FeatureFinding `json:"features,omitempty"`
	// Baseline is what a baseline did to this report; nil when none was given.
	Baseline *BaselineUse `json:"baseline,omitempty"`
	// Notes are remarks on the run as a whole, one sentence each.
	Notes []string `json:"notes,omitempty"`
	// Requirements describes the requirements that Checks cite, by id.
	Requirements map[string]Requirement `json:"requirements,omitempty"`
	Checks       []Check                `json:"checks"`
}

// Suite identifies the catalogue of checks that was run.
type Suite struct {
	// Version is the version of the program.
	Version string `json:"version"`
	// Digest is over the catalogue: two reports with one digest asked the same questions.
	Digest string `json:"digest"`
	// Set is the requirement set that scores, such as "webauthn-3@2026-05".
	Set string `json:"set"`
	// Seed decides, together with a check's id, every key and id of that check.
	Seed string `json:"seed"`
}

// Shard is one part of a run that was split: number Index, from 1, of Count.
type Shard struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

// Target is an RP and how it was spoken to. Name is unique in a report.
type Target struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Dialect string `json:"dialect"`
	RPID    string `json:"rpId"`
	Origin  string `json:"origin"`
	// Adapter is the command of the program that was spoken to in place of a
	// server; empty: a server was.
	Adapter string `json:"adapter,omitempty"`
}

// Client is what ran create() and get(). Name is unique in a report.
type Client struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Summary counts checks by verdict.
type Summary struct {
	Passed        int `json:"passed"`
	Failed        int `json:"failed"`
	Warned        int `json:"warned"`
	NotApplicable int `json:"notApplicable"`
	NotTestable   int `json:"notTestable"`
	Errors        int `json:"errors"`
	// DurationMs is how long the run took in milliseconds; of a merged report,
	// how long its parts took together.
	DurationMs int64 `json:"durationMs"`
}

// Why a run was stopped.
const (
	// StopInterrupted: someone asked it to stop (exit code 130).
	StopInterrupted = "interrupted"
	// StopUnreachable: the target gave no HTTP answer at the first health
	// ceremony, or went away for good (exit code 3).
	StopUnreachable = "unreachable"
	// StopHealth: the target answers but refuses the health ceremony (exit code 1).
	StopHealth = "health"
	// StopHarness: the harness itself went wrong (exit code 4).
	StopHarness = "harness"
)

// Stop says why a run ended early.
type Stop struct {
	// Reason is one of the Stop constants.
	Reason string `json:"reason"`
	// Target is the name of the target that the reason is about, if it is about one.
	Target string `json:"target,omitempty"`
	// Message is one sentence that names what happened and the mend.
	Message string `json:"message"`
	// Left is how many checks were not run because of it.
	Left int `json:"left,omitempty"`
}

// Health is one plain ceremony that had to succeed.
type Health struct {
	Target string `json:"target"`
	Client string `json:"client"`
	// When is where in the run it happened: first, between, last.
	When string `json:"when"`
	OK   bool   `json:"ok"`
	// Reason is of the kind of a check's.
	Reason     string `json:"reason,omitempty"`
	Message    string `json:"message,omitempty"`
	DurationMs int64  `json:"durationMs"`
	// Exchanges is recorded for one that did not succeed.
	Exchanges []Exchange `json:"exchanges,omitempty"`
}

// FeatureFinding is a feature that the target has although its profile declares
// it absent, or has not although the profile declares it.
type FeatureFinding struct {
	Target  string `json:"target"`
	Feature string `json:"feature"`
	// Declared is what the profile says, Found what was found.
	Declared string `json:"declared"`
	Found    string `json:"found"`
	// Message is one sentence for people.
	Message string `json:"message"`
}

// Requirement is one normative statement of a specification.
type Requirement struct {
	// Anchor is a URL, such as https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential.
	Anchor string `json:"anchor"`
	// Title is a short name for a person, such as "§7.1 step 7: type is webauthn.create".
	Title string `json:"title"`
}

// Why a check has its verdict, as one word that programs can compare. The list
// is open: a check may use a word of its own.
const (
	// ReasonAccepted: the RP accepted what it must refuse.
	ReasonAccepted = "accepted"
	// ReasonRejected: the RP refused what it must accept.
	ReasonRejected = "rejected"
	// ReasonCrash: the RP's answer is no answer of its protocol, such as a
	// dropped connection or an undeclared server error.
	ReasonCrash = "crash"
	// ReasonTimeout: the RP did not answer in time.
	ReasonTimeout = "timeout"
	// ReasonTwin: the valid twin of the check was refused, so a refusal shows nothing.
	ReasonTwin = "twin-refused"
	// ReasonSetup: a step before the ceremony was refused.
	ReasonSetup = "setup-refused"
	// ReasonFeature: the profile declares absent what the check needs.
	ReasonFeature = "feature-absent"
	// ReasonClient: the client cannot do what the check asks of it.
	ReasonClient = "client-cannot"
	// ReasonRole: the dialect has no member for what the check alters.
	ReasonRole = "role-absent"
	// ReasonTrust: the RP does not trust the root that the check's attestation needs.
	ReasonTrust = "root-not-trusted"
	// ReasonHarness: the harness itself went wrong.
	ReasonHarness = "harness"
)

// Check is the result of one check on one target through one client. Target,
// Client, Dialect and ID together are unique in a report.
type Check struct {
	ID string `json:"id"`
	// Aliases are ids that the check had in older versions of the suite.
	Aliases []string `json:"aliases,omitempty"`
	// Order is the position of the check in the catalogue, from 1; it sorts a report.
	Order int    `json:"order,omitempty"`
	Title string `json:"title"`
	Level Level  `json:"level"`
	// Requirements are the ids of the requirements that the check cites.
	Requirements []string `json:"requirements"`
	// Faults are the names of the deviations that the check put into its ceremony.
	Faults  []string `json:"faults,omitempty"`
	Client  string   `json:"client"`
	Dialect string   `json:"dialect"`
	// Target is the name of the target.
	Target  string  `json:"target"`
	Verdict Verdict `json:"verdict"`
	// Reason is one of the Reason constants or a word of the check's own.
	Reason string `json:"reason,omitempty"`
	// Message says what came back and why that is the verdict; empty for a plain pass.
	Message string `json:"message"`
	// Hint says where in an RP to look for the cause.
	Hint string `json:"hint,omitempty"`
	// Mend is what the RP most likely has to change, Guards the class of weakness
	// that the check guards against, Records published cases of it.
	Mend    string   `json:"mend,omitempty"`
	Guards  string   `json:"guards,omitempty"`
	Records []string `json:"records,omitempty"`
	// Notes are findings that do not change the verdict, one sentence each.
	Notes []string `json:"notes,omitempty"`
	// Stricter says in what the check goes beyond the W3C's text in this run's
	// requirement set; empty when it does not.
	Stricter string `json:"stricter,omitempty"`
	// Unscored says why the verdict does not count, such as
	// "added after webauthn-3@2026-05"; empty when it counts.
	Unscored string `json:"unscored,omitempty"`
	// Accepted is the reason under which a baseline accepts the verdict; empty
	// when none does.
	Accepted string `json:"accepted,omitempty"`
	// Rerun is the command that runs this check again with the same bytes.
	Rerun      string     `json:"rerun"`
	DurationMs int64      `json:"durationMs"`
	Exchanges  []Exchange `json:"exchanges"`
	// Evidence is what a browser showed when the check did not pass.
	Evidence []Evidence `json:"evidence,omitempty"`
}

// The kinds of evidence.
const (
	// EvidenceConsole is what the browser logged, as text.
	EvidenceConsole = "console"
	// EvidenceScreenshot is a picture of the page.
	EvidenceScreenshot = "screenshot"
)

// Evidence is one thing that a browser showed. Text is set, or Data, or only
// Note, which says why there is neither.
type Evidence struct {
	// Kind is one of the Evidence constants.
	Kind string `json:"kind"`
	// MediaType is text/plain, image/jpeg or image/png.
	MediaType string `json:"mediaType,omitempty"`
	Text      string `json:"text,omitempty"`
	// Data is base64 in JSON.
	Data []byte `json:"data,omitempty"`
	Note string `json:"note,omitempty"`
}

// Exchange is one recorded HTTP request and what came back.
type Exchange struct {
	// Step is the profile's name for the request, such as "registration.finish".
	Step   string `json:"step"`
	Method string `json:"method"`
	URL    string `json:"url"`
	// RequestHeaders has canonical names; secrets are written "[redacted]".
	RequestHeaders map[string][]string `json:"requestHeaders,omitempty"`
	// RequestBody is the body as text; see SetRequestBody for one that is not text.
	RequestBody string `json:"requestBody,omitempty"`
	// RequestEncoding is "base64" when RequestBody holds base64 of the body, else empty.
	RequestEncoding string `json:"requestEncoding,omitempty"`
	// Status is the HTTP status; 0 means that no answer came, and Note says why.
	Status           int                 `json:"status"`
	ResponseHeaders  map[string][]string `json:"responseHeaders,omitempty"`
	ResponseBody     string              `json:"responseBody,omitempty"`
	ResponseEncoding string              `json:"responseEncoding,omitempty"`
	DurationMs       int64               `json:"durationMs"`
	// Note is what the recorder has to say, such as a transport error, or that
	// a body was cut.
	Note string `json:"note,omitempty"`
	// Decoded is what the binary members of the request body hold, in the shape
	// of DecodeWebAuthn; nil when there are none.
	Decoded any `json:"decoded,omitempty"`
}

// BaselineUse is what a baseline did to a report.
type BaselineUse struct {
	// File is where the baseline came from.
	File string `json:"file,omitempty"`
	// Accepted counts the checks whose verdict an entry accepts.
	Accepted int `json:"accepted"`
	// Unexpected lists the checks that pass although an entry says they do not.
	// They make a run red, so that a baseline never outlives its reasons.
	Unexpected []UnexpectedPass `json:"unexpected,omitempty"`
	// Unused lists the entries that no check of the report fell under.
	Unused []BaselineEntry `json:"unused,omitempty"`
}

// UnexpectedPass is a check that passes although a baseline entry accepts it as broken.
type UnexpectedPass struct {
	ID      string `json:"id"`
	Target  string `json:"target"`
	Dialect string `json:"dialect"`
	Client  string `json:"client"`
	// Entry is the entry's verdict and reason.
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
}

// BaselineEntry accepts that some checks do not pass.
type BaselineEntry struct {
	// ID is a check's id or an alias; * stands for any run of characters.
	ID string `json:"id" yaml:"id"`
	// Target, Dialect and Client narrow the entry in the same way; empty means any.
	Target  string `json:"target,omitempty" yaml:"target,omitempty"`
	Dialect string `json:"dialect,omitempty" yaml:"dialect,omitempty"`
	Client  string `json:"client,omitempty" yaml:"client,omitempty"`
	// Verdict is the one that is accepted: fail, warn, not-testable or error.
	Verdict Verdict `json:"verdict" yaml:"verdict"`
	// Message, if not empty, must occur in the check's message.
	Message string `json:"message,omitempty" yaml:"message,omitempty"`
	// Reason says why this is accepted. It is required.
	Reason string `json:"reason" yaml:"reason"`
}
