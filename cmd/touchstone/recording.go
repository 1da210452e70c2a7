package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
)

// rerunRecording runs the options of a recording through the clients, each with
// an authenticator like the one that answered, and sets the outcomes side by side.
func (f *replayFlags) rerunRecording(ctx context.Context, t *reports.Trace, stdout, stderr io.Writer) error {
	for _, flag := range []struct{ name, value string }{
		{"--target", f.target}, {"--profile", f.profile}, {"--rp-id", f.rpID}, {"--json", f.json}, {"--html", f.html}, {"--trace", f.trace},
	} {
		if flag.value != "" {
			return usage("a recording holds one page's calls and no RP", "%s does not go with a recording", flag.name)
		}
	}
	clients, err := openClients(ctx, f.clients, f.chrome)
	if err != nil {
		return err
	}
	defer closeClients(clients)
	differ := false
	for i, c := range t.Ceremonies {
		if len(c.Calls) == 0 || c.Kind == "u2f-registration" {
			fmt.Fprintf(stderr, "note: ceremony %d holds no call of create() or get()\n", i+1)
			continue
		}
		for _, call := range c.Calls {
			options := call.Options
			if options == nil {
				options = c.Options
			}
			origin := c.Origin
			if f.origin != "" {
				origin = f.origin
			}
			columns := []outcome{{who: "recorded", lines: describe(call.Method, call.Response, call.Error)}}
			for _, cl := range clients {
				o := outcome{who: cl.Name()}
				response, refused, err := runCall(ctx, cl, origin, call, options, c.Authenticator)
				switch {
				case ctx.Err() != nil:
					return &exit{code: exitInterrupted}
				case err != nil:
					return &exit{code: exitHarness, err: fmt.Errorf("%s: %w", cl.Name(), err)}
				}
				o.lines = describe(call.Method, response, refused)
				columns = append(columns, o)
			}
			fmt.Fprintf(stdout, "%s() on %s\n", call.Method, oneLine(origin))
			if writeOutcomes(stdout, columns) {
				differ = true
			}
		}
	}
	if differ {
		return &exit{code: exitFailed}
	}
	return nil
}

// outcome is what one client made of the options.
type outcome struct {
	who   string
	lines map[string]string
}

// aspects are what outcomes are compared in, in the order of the table. What is
// random (ids, keys, signatures, counters) is not among them.
var aspects = []string{"outcome", "flags", "fmt", "algorithm", "transports", "attachment", "user handle", "client data", "extensions"}

// writeOutcomes writes the table and tells whether the clients differ from the first.
func writeOutcomes(w io.Writer, columns []outcome) (differ bool) {
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	head := "  "
	for _, c := range columns {
		head += "\t" + oneLine(c.who)
	}
	fmt.Fprintln(tw, head)
	for _, a := range aspects {
		row, any, odd := "  "+a, false, false
		for _, c := range columns {
			v := c.lines[a]
			row += "\t" + shorten(oneLine(v), 60)
			any = any || v != ""
			// What a browser did not record is no difference.
			odd = odd || v != "" && columns[0].lines[a] != "" && v != columns[0].lines[a]
		}
		if !any {
			continue
		}
		if odd {
			row += "\tdiffers"
			differ = true
		}
		fmt.Fprintln(tw, row)
	}
	_ = tw.Flush() // stdout's own errors show in the exit of the process
	return differ
}

// describe says what is to be compared of a response or a rejection.
func describe(method string, response json.RawMessage, refused *reports.TraceError) map[string]string {
	if refused != nil {
		return map[string]string{"outcome": refused.Name}
	}
	out := map[string]string{"outcome": "resolved"}
	var r struct {
		Attachment string                     `json:"authenticatorAttachment"`
		Extensions map[string]json.RawMessage `json:"clientExtensionResults"`
		Response   struct {
			ClientDataJSON    string   `json:"clientDataJSON"`
			AuthenticatorData string   `json:"authenticatorData"`
			Transports        []string `json:"transports"`
			Algorithm         int64    `json:"publicKeyAlgorithm"`
			UserHandle        *string  `json:"userHandle"`
		} `json:"response"`
	}
	if err := json.Unmarshal(response, &r); err != nil {
		out["outcome"] = "resolved with what is no response: " + err.Error()
		return out
	}
	out["attachment"] = r.Attachment
	if method == "create" {
		if all, ok := reports.DecodeWebAuthn(response).(map[string]any); ok {
			if object, ok := all["response.attestationObject"].(map[string]any); ok {
				out["fmt"] = fmt.Sprint(object["fmt"])
			}
		}
		if r.Response.Algorithm != 0 {
			out["algorithm"] = fmt.Sprint(r.Response.Algorithm)
		}
		slices.Sort(r.Response.Transports)
		out["transports"] = strings.Join(r.Response.Transports, " ")
	} else {
		out["user handle"] = map[bool]string{true: "present", false: "absent"}[r.Response.UserHandle != nil]
	}
	if d := decodeB64(r.Response.AuthenticatorData); len(d) >= 37 {
		out["flags"] = flagNames(d[32])
	}
	var data map[string]any
	if json.Unmarshal(decodeB64(r.Response.ClientDataJSON), &data) == nil {
		var members []string
		for name, v := range data {
			switch name {
			case "challenge", "other_keys_can_be_added_here":
				// Random, and Chrome's reminder that members may come at any time.
			default:
				members = append(members, fmt.Sprintf("%s=%v", name, v))
			}
		}
		slices.Sort(members)
		out["client data"] = strings.Join(members, " ")
	}
	var names []string
	for name := range r.Extensions {
		names = append(names, name)
	}
	slices.Sort(names)
	out["extensions"] = strings.Join(names, " ")
	return out
}

func flagNames(b byte) string {
	var out []string
	for i, name := range []string{"UP", "", "UV", "BE", "BS", "", "AT", "ED"} {
		if b&(1<<i) != 0 && name != "" {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

func decodeB64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil
	}
	return b
}

// runCall runs one recorded call in a client, on a page of its own.
func runCall(ctx context.Context, cl client.Client, origin string, call reports.TraceCall, options json.RawMessage, recorded map[string]any) (json.RawMessage, *reports.TraceError, error) {
	s, err := cl.Open(ctx, client.SessionConfig{Origin: origin})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	like := likeRecorded(call, recorded)
	a, err := s.Plug(ctx, like)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range held(call, options, origin, like) {
		if err := a.Import(ctx, c); err != nil {
			return nil, nil, err
		}
	}
	var response any
	if call.Method == "create" {
		r, cerr := s.Create(ctx, options)
		if r != nil {
			response = r.Response
		}
		err = cerr
	} else {
		r, gerr := s.Get(ctx, options)
		if r != nil {
			response = r.Response
		}
		err = gerr
	}
	var refused *client.Error
	switch {
	case errors.As(err, &refused):
		return nil, &reports.TraceError{Name: refused.Name, Message: refused.Message}, nil
	case err != nil:
		return nil, nil, err
	}
	text, err := json.Marshal(response)
	return text, nil, err
}

// likeRecorded is an authenticator like the one that answered: as the trace
// describes it, or as its response shows.
func likeRecorded(call reports.TraceCall, recorded map[string]any) client.AuthenticatorConfig {
	is := func(name string) bool { b, _ := recorded[name].(bool); return b }
	if recorded != nil {
		transport, _ := recorded["transport"].(string)
		return client.AuthenticatorConfig{
			U2F: is("u2f"), Transport: transport, ResidentKeys: is("residentKeys"), UserVerification: is("userVerification"),
			BackupEligible: is("backupEligible"), BackupState: is("backupState"),
		}
	}
	cfg := client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true}
	var r struct {
		Attachment string `json:"authenticatorAttachment"`
		Response   struct {
			AuthenticatorData string   `json:"authenticatorData"`
			Transports        []string `json:"transports"`
		} `json:"response"`
	}
	if json.Unmarshal(call.Response, &r) != nil {
		return cfg
	}
	switch {
	case slices.Contains(r.Response.Transports, "internal"), r.Attachment == "platform":
		cfg.Transport = "internal"
	case slices.Contains(r.Response.Transports, "hybrid"):
		cfg.Transport = "hybrid"
	case slices.Contains(r.Response.Transports, "nfc") && !slices.Contains(r.Response.Transports, "usb"):
		cfg.Transport = "nfc"
	}
	if d := decodeB64(r.Response.AuthenticatorData); len(d) >= 37 {
		cfg.BackupEligible, cfg.BackupState = d[32]&0x08 != 0, d[32]&0x10 != 0
	}
	return cfg
}

// held are credentials that the authenticator must have had for what was
// recorded: the one that answered get(), and those that a create() was stopped
// by. Their keys are new, as a recording holds none.
func held(call reports.TraceCall, options json.RawMessage, origin string, like client.AuthenticatorConfig) []client.Credential {
	var o struct {
		RPID string `json:"rpId"`
		RP   struct {
			ID string `json:"id"`
		} `json:"rp"`
		Exclude []struct {
			ID string `json:"id"`
		} `json:"excludeCredentials"`
	}
	if json.Unmarshal(options, &o) != nil {
		return nil
	}
	rpID := o.RPID + o.RP.ID
	if rpID == "" {
		if u, err := url.Parse(origin); err == nil {
			rpID = u.Hostname()
		}
	}
	one := func(id []byte) client.Credential {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return client.Credential{} // crypto/rand does not fail
		}
		return client.Credential{ID: id, RPID: rpID, PrivateKey: key, BackupEligible: like.BackupEligible, BackupState: like.BackupState}
	}
	var out []client.Credential
	if call.Method == "create" {
		if call.Error != nil && call.Error.Name == "InvalidStateError" && len(o.Exclude) > 0 {
			out = append(out, one(decodeB64(o.Exclude[0].ID)))
		}
		return out
	}
	var r struct {
		RawID    string `json:"rawId"`
		Response struct {
			AuthenticatorData string  `json:"authenticatorData"`
			UserHandle        *string `json:"userHandle"`
		} `json:"response"`
	}
	if json.Unmarshal(call.Response, &r) != nil || r.RawID == "" {
		return nil
	}
	c := one(decodeB64(r.RawID))
	if r.Response.UserHandle != nil && like.ResidentKeys {
		c.Resident, c.UserHandle = true, decodeB64(*r.Response.UserHandle)
	}
	if d := decodeB64(r.Response.AuthenticatorData); len(d) >= 37 {
		c.SignCount = binary.BigEndian.Uint32(d[33:37])
	}
	return append(out, c)
}
