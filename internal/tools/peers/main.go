//go:build unix

// Command peers runs the suite against RPs that we did not write, compares each
// with what is known of it, and writes docs/peers.md.
//
//	peers [-jobs 2] [-update]         all; -update writes docs/peers.md
//	peers -peer NAME -check GLOB      one, with what the suite prints: how to see a finding again
//	peers -peer NAME -update          one, and docs/peers.md of its report and those of out/peers
//	peers -valid 1000 [-update]       that many valid stories to each sound peer in place of the suite; of
//	                                  1000 to all, their part of docs/peers.md is compared, or written
//	peers -evidence                   hold the reasons of the baselines against the libraries' source, run nothing
//
// It runs at the root of the repository, with bin/touchstone, bin/withpeer,
// bin/validfuzz and the servers built (make peers does that). Each server gets a
// free port of the loopback interface from the system and is ended by withpeer,
// whatever happens.
//
// Exit status: 0 when every peer is as its baseline says; 1 when one is not, or
// when docs/peers.md is not what the runs say and -update is not given; 2 usage.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/reports"
)

const (
	rpID   = "rp.example"
	origin = "https://rp.example"
	// seed is fixed, so that a finding is the same tomorrow.
	seed = "peers"
	// page is what this command writes.
	page = "docs/peers.md"
	// out is where reports go.
	out = "out/peers"
	// limit is how long one peer may take; they take seconds.
	limit = 5 * time.Minute
	// told is how many valid stories the page's figures are of.
	told = 1000
)

// A peer is one server and what is known of it.
type peer struct {
	Name    string   `yaml:"name"`
	Library string   `yaml:"library"` // as its package registry names it
	Version string   `yaml:"version"`
	Dir     string   `yaml:"dir"`    // where the server starts
	Server  []string `yaml:"server"` // its command; --rp-id and --origin are added
	Known   string   `yaml:"known"`  // folder of profile.yaml, baseline.yaml and unsupported.yaml; Dir without it
	// Profile is the file of a peer that speaks its own API and not our FIDO dialect:
	// the one that whoever tests such an RP would take.
	Profile string   `yaml:"profile"`
	Clients []string `yaml:"clients"`
	Sound   bool     `yaml:"sound"` // it hears the valid stories
	// Again says why a check of this peer that comes out otherwise than its baseline
	// says is put once more, alone: the peer has a known bug that strikes by chance.
	Again string `yaml:"again"`
	// Small is true of a profile's peer whose server is ours: the library is another's, the form is its own.
	Small bool `yaml:"small"`
}

func (p peer) file(name string) string {
	if name == "profile.yaml" && p.Profile != "" {
		return p.Profile
	}
	if p.Known != "" {
		return filepath.Join(p.Known, name)
	}
	return filepath.Join(p.Dir, name)
}

func loadPeers(file string) ([]peer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all struct {
		Peers []peer `yaml:"peers"`
	}
	if err := yaml.UnmarshalWithOptions(data, &all, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	seen := map[string]bool{}
	for i, p := range all.Peers {
		switch {
		case p.Name == "" || p.Library == "" || p.Version == "" || p.Dir == "" || len(p.Server) == 0 || len(p.Clients) == 0:
			return nil, fmt.Errorf("%s: peers[%d] %s: name, library, version, dir, server and clients must be there", file, i, p.Name)
		case seen[p.Name]:
			return nil, fmt.Errorf("%s: peers[%d]: %s is there twice", file, i, p.Name)
		}
		seen[p.Name] = true
	}
	return all.Peers, nil
}

type options struct {
	jobs, valid int
	peer, check string
	update      bool
	evidence    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.jobs, "jobs", 2, "how many peers at a time")
	f.IntVar(&o.valid, "valid", 0, "put this many valid stories to each sound peer in place of the suite")
	f.StringVar(&o.peer, "peer", "", "only the peer of this `name`")
	f.StringVar(&o.check, "check", "", "only the checks that match this `glob`; needs -peer")
	f.BoolVar(&o.evidence, "evidence", false, "show each reason of the baselines in the libraries' source, see "+evidenceFile)
	f.BoolVar(&o.update, "update", false, "write "+page)
	if err := f.Parse(args); err != nil {
		return 2
	}
	fail := func(err error) int {
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return 2
	}
	all, err := loadPeers("peers/peers.yaml")
	if err != nil {
		return fail(err)
	}
	switch {
	case f.NArg() > 0:
		return fail(fmt.Errorf("no argument is wanted, and there is %q", f.Arg(0)))
	case o.jobs < 1:
		return fail(fmt.Errorf("-jobs %d: at least 1", o.jobs))
	case o.check != "" && o.peer == "":
		return fail(errors.New("-check needs -peer"))
	}
	if o.evidence {
		e, err := loadEvidence(evidenceFile)
		if err != nil {
			return fail(err)
		}
		if err := checkEvidence(ctx, all, e, true, stdout); err != nil {
			fmt.Fprintf(stderr, "peers: %v\n", err)
			return 1
		}
		return 0
	}
	chosen := all
	if o.valid > 0 {
		chosen = slices.DeleteFunc(slices.Clone(all), func(p peer) bool { return !p.Sound })
	}
	if o.peer != "" {
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(p peer) bool { return p.Name != o.peer })
		if len(chosen) == 0 {
			return fail(fmt.Errorf("-peer %s: there is no such peer in peers/peers.yaml, or with -valid no sound one", o.peer))
		}
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fail(err)
	}
	bad := runAll(ctx, chosen, o, stdout, stderr)
	if ctx.Err() != nil {
		return 130
	}
	if o.valid == 0 && o.check == "" && (o.peer == "" || o.update) {
		text, err := document(all)
		if err != nil {
			fmt.Fprintf(stderr, "peers: %v\n", err)
			return 1
		}
		was, _ := os.ReadFile(page)
		_, valid := split(was)
		if err := keep(o, was, append(text, valid...), "make peers-update"); err != nil {
			fmt.Fprintf(stderr, "peers: %v\n", err)
			bad++
		}
	}
	// The page has the figures of the number of stories that make peers-no-wolf tells.
	if o.valid == told && o.peer == "" && bad == 0 {
		valid, err := validSection(chosen, seed)
		if err != nil {
			fmt.Fprintf(stderr, "peers: %v\n", err)
			return 1
		}
		was, _ := os.ReadFile(page)
		suite, _ := split(was)
		if err := keep(o, was, slices.Concat(suite, valid), "make peers-no-wolf-update"); err != nil {
			fmt.Fprintf(stderr, "peers: %v\n", err)
			bad++
		}
	}
	if bad > 0 {
		return 1
	}
	return 0
}

// keep compares the page with what it should be, or writes it.
func keep(o options, was, is []byte, with string) error {
	switch {
	case bytes.Equal(was, is):
		return nil
	case o.update:
		return os.WriteFile(page, is, 0o666)
	default:
		return fmt.Errorf("%s is not what the runs say; write it with: %s", page, with)
	}
}

// runAll runs the peers, o.jobs at a time, and prints each one's output when it is
// done, so that they do not mix. It returns how many are not as expected.
func runAll(ctx context.Context, peers []peer, o options, stdout, stderr io.Writer) int {
	type result struct {
		out  []byte
		took time.Duration
		err  error
	}
	results := make([]chan result, len(peers))
	slots := make(chan struct{}, o.jobs)
	var wait sync.WaitGroup
	for i, p := range peers {
		results[i] = make(chan result, 1)
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			start := time.Now()
			var b bytes.Buffer
			err := ctx.Err()
			if err == nil {
				err = p.run(ctx, o, &b)
			}
			results[i] <- result{b.Bytes(), time.Since(start), err}
		}()
	}
	bad := 0
	for i, p := range peers {
		r := <-results[i]
		log := filepath.Join(out, p.Name+map[bool]string{true: ".valid", false: ""}[o.valid > 0]+".txt")
		if err := os.WriteFile(log, r.out, 0o666); err != nil {
			fmt.Fprintf(stderr, "peers: %v\n", err)
		}
		switch {
		case r.err != nil:
			bad++
			fmt.Fprintf(stdout, "%s\n%s %s: %v, see %s\n", r.out, p.Library, p.Version, r.err, log)
		case o.check != "" || o.valid > 0:
			fmt.Fprintf(stdout, "%s", r.out)
			fallthrough
		default:
			fmt.Fprintf(stdout, "%s %s: as expected (%.1f s)\n", p.Library, p.Version, r.took.Seconds())
		}
	}
	wait.Wait()
	return bad
}

// run starts the peer and the suite, or the valid stories, against it.
func (p peer) run(ctx context.Context, o options, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := append([]string{"-dir", p.Dir, "--"}, p.Server...)
	args = append(args, "--rp-id", rpID, "--origin", origin, "--")
	if o.valid > 0 {
		args = append(args, "bin/validfuzz", "-n", fmt.Sprint(o.valid), "-seed", seed, "-target", "{url}", "-profile", p.file("profile.yaml"), "-rp-id", rpID, "-origin", origin,
			"-unsupported", p.file("unsupported.yaml"), "-json", p.validReport())
	} else {
		args = append(args, "bin/touchstone", "run", "--target", "{url}", "--rp-id", rpID, "--origin", origin, "--seed", seed, "--profile", p.file("profile.yaml"))
		for _, c := range p.Clients {
			args = append(args, "--client", c)
		}
		if o.check != "" {
			args = append(args, "--check", o.check)
		} else {
			args = append(args, "--baseline", p.file("baseline.yaml"),
				"--json", p.report(), "--junit", filepath.Join(out, p.Name+".xml"), "--html", filepath.Join(out, p.Name+".html"))
		}
	}
	if o.valid > 0 {
		_ = os.Remove(p.validReport())
	} else {
		_ = os.Remove(p.report()) // an old one must not be taken for this run's
	}
	for try := 1; ; try++ {
		err := withpeer(ctx, args, w)
		if p.Again == "" || o.valid > 0 || o.check != "" || ctx.Err() != nil {
			return err
		}
		// Chance may strike twice, and at the plain ceremonies that a run begins with.
		if err = p.again(ctx, err, w); err == nil || try == tries {
			return err
		}
		fmt.Fprintf(w, "\nagain from the start, because %s\n", p.Again)
	}
}

// tries is how often a peer that chance plays with is run, until it comes out as
// the baseline says.
const tries = 3

func withpeer(ctx context.Context, args []string, w io.Writer) error {
	cmd := exec.CommandContext(ctx, "bin/withpeer", args...)
	cmd.Stdout, cmd.Stderr = w, w
	// withpeer ends the server when it is asked to; killed outright it could not.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd.Run()
}

// chance is how many checks may come out otherwise by chance.
const chance = 10

// again puts the checks that are not as the baseline says once more, and puts what
// they say now into the report. err is what the first run ended with; nothing, where
// only what does not score came out otherwise.
func (p peer) again(ctx context.Context, err error, w io.Writer) error {
	r, b, rerr := p.read()
	if rerr != nil {
		return err
	}
	ids := odd(r, b)
	if len(ids) == 0 || len(ids) > chance {
		return err
	}
	fmt.Fprintf(w, "\nonce more, because %s: %s\n", p.Again, strings.Join(ids, ", "))
	second := filepath.Join(out, p.Name+".again.json")
	_ = os.Remove(second) // an old one must not be taken for this run's
	args := append([]string{"-dir", p.Dir, "--"}, p.Server...)
	args = append(args, "--rp-id", rpID, "--origin", origin, "--", "bin/touchstone", "run", "--target", "{url}", "--rp-id", rpID, "--origin", origin,
		"--seed", seed, "--profile", p.file("profile.yaml"), "--json", second)
	for _, c := range p.Clients {
		args = append(args, "--client", c)
	}
	for _, id := range ids {
		args = append(args, "--check", id)
	}
	_ = withpeer(ctx, args, w) // what is red now is red in the report
	data, rerr := os.ReadFile(second)
	if rerr != nil {
		return err
	}
	anew, rerr := reports.ReadJSON(second, bytes.NewReader(data))
	if rerr != nil {
		return rerr
	}
	for _, n := range anew.Checks {
		if at := slices.IndexFunc(r.Checks, func(c reports.Check) bool { return c.ID == n.ID && c.Client == n.Client }); at >= 0 {
			r.Checks[at] = n
		}
	}
	var text bytes.Buffer
	if rerr := reports.WriteJSON(&text, r); rerr != nil {
		return rerr
	}
	if rerr := os.WriteFile(p.report(), text.Bytes(), 0o666); rerr != nil {
		return rerr
	}
	if left := odd(r, b); len(left) > 0 {
		return fmt.Errorf("not as the baseline says, twice: %s", strings.Join(left, ", "))
	}
	return nil
}

// odd are the checks that did not come out as the baseline says.
func odd(r *reports.Report, b *reports.Baseline) []string {
	var ids []string
	add := func(id string) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	applied := b.Apply(r)
	for _, c := range applied.Checks {
		if c.Verdict != reports.Pass && c.Verdict != reports.NotApplicable && c.Accepted == "" {
			add(c.ID)
		}
	}
	for _, u := range applied.Baseline.Unexpected {
		add(u.ID)
	}
	return ids
}

func (p peer) report() string { return filepath.Join(out, p.Name+".json") }

func (p peer) read() (*reports.Report, *reports.Baseline, error) {
	data, err := os.ReadFile(p.report())
	if err != nil {
		return nil, nil, err
	}
	r, err := reports.ReadJSON(p.report(), bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	file := p.file("baseline.yaml")
	data, err = os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	b, err := reports.ParseBaseline(file, data)
	return r, b, err
}
