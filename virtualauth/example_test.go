package virtualauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Registering takes the options as the Relying Party sent them and gives the
// response as a page would post it.
func ExampleClient_Create() {
	a, err := virtualauth.New(virtualauth.Config{Seed: []byte("example"), ResidentKeys: true, UserVerification: true})
	if err != nil {
		log.Fatal(err)
	}
	page := &virtualauth.Client{Origin: "https://rp.example"}
	options, err := virtualauth.ParseCreationOptions([]byte(`{
		"rp": {"id": "rp.example", "name": "RP"},
		"user": {"id": "aGFuZGxl", "name": "ada", "displayName": "Ada"},
		"challenge": "YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcy4",
		"pubKeyCredParams": [{"type": "public-key", "alg": -7}],
		"authenticatorSelection": {"residentKey": "required"},
		"extensions": {"credProps": true}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	r, err := page.Create(context.Background(), a, options, virtualauth.Faults{})
	if err != nil {
		log.Fatal(err)
	}
	body, err := json.Marshal(r.Response)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(json.Valid(body), r.Response.Transports)
	fmt.Printf("%s\n", r.Response.ClientDataJSON)
	fmt.Printf("%s\n", r.Response.ClientExtensionResults["credProps"])
	// Output:
	// true [usb]
	// {"type":"webauthn.create","challenge":"YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcy4","origin":"https://rp.example","crossOrigin":false}
	// {"rk":true}
}

// Signing in with a discoverable credential needs no list of credentials; the
// user handle says whose it is.
func ExampleClient_Get() {
	a, page := exampleAuthenticator()
	options, err := virtualauth.ParseRequestOptions([]byte(`{"challenge": "YW5vdGhlciBjaGFsbGVuZ2U", "rpId": "rp.example"}`))
	if err != nil {
		log.Fatal(err)
	}
	r, err := page.Get(context.Background(), a, options, virtualauth.Faults{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, counter %d\n", r.Response.UserHandle, r.Credential.SignCount)
	// Output: handle, counter 1
}

// A fault breaks one thing and leaves the rest as a valid response has it: here
// the signature still verifies, over client data with another origin.
func ExampleFaults() {
	a, page := exampleAuthenticator()
	options := &virtualauth.RequestOptions{Challenge: []byte("another challenge")}
	r, err := page.Get(context.Background(), a, options, virtualauth.Faults{OriginSubdomain: true})
	if err != nil {
		log.Fatal(err)
	}
	var c struct{ Origin string }
	if err := json.Unmarshal(r.Response.ClientDataJSON, &c); err != nil {
		log.Fatal(err)
	}
	fault, _ := virtualauth.LookupFault("origin-subdomain")
	fmt.Println(c.Origin)
	fmt.Println(fault.Strength, fault.Steps)
	// Output:
	// https://sub.rp.example
	// must reject [7.1.9 7.2.12]
}

// Faults also edit a response that another client made, given the credential's key.
func ExampleEditAssertion() {
	a, page := exampleAuthenticator()
	r, err := page.Get(context.Background(), a, &virtualauth.RequestOptions{Challenge: []byte("another challenge")}, virtualauth.Faults{})
	if err != nil {
		log.Fatal(err)
	}
	faults, err := virtualauth.ParseFaults("flag-uv-clear")
	if err != nil {
		log.Fatal(err)
	}
	edited, err := virtualauth.EditAssertion(r.Response, virtualauth.Keys{Credential: r.Credential.PrivateKey}, faults)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("flags %#02x became %#02x\n", r.Response.AuthenticatorData[32], edited.AuthenticatorData[32])
	// Output: flags 0x05 became 0x01
}

// A refusal has the name that a page would see in a browser.
func ExampleError() {
	a, page := exampleAuthenticator()
	options := &virtualauth.RequestOptions{Challenge: []byte("another challenge"), RPID: "evil.example"}
	_, err := page.Get(context.Background(), a, options, virtualauth.Faults{})
	var refusal *virtualauth.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Name)
	}
	// Output: SecurityError
}

// exampleAuthenticator is a page and an authenticator with one passkey.
func exampleAuthenticator() (*virtualauth.Authenticator, *virtualauth.Client) {
	a, err := virtualauth.New(virtualauth.Config{Seed: []byte("example"), ResidentKeys: true, UserVerification: true})
	if err != nil {
		log.Fatal(err)
	}
	page := &virtualauth.Client{Origin: "https://rp.example"}
	_, err = page.Create(context.Background(), a, &virtualauth.CreationOptions{
		RP:                     virtualauth.RPEntity{ID: "rp.example", Name: "RP"},
		User:                   virtualauth.UserEntity{ID: []byte("handle"), Name: "ada", DisplayName: "Ada"},
		Challenge:              []byte("a challenge"),
		PubKeyCredParams:       []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: virtualauth.ES256}},
		AuthenticatorSelection: virtualauth.AuthenticatorSelection{ResidentKey: "required"},
	}, virtualauth.Faults{})
	if err != nil {
		log.Fatal(err)
	}
	return a, page
}
