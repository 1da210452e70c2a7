package virtualauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"testing"
	"time"

	descope "github.com/descope/virtualwebauthn"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// The benchmarks go from options as JSON to a response as JSON, and stand
// beside the cryptography alone, which no implementation can do without.

func BenchmarkFloorGenerateKey(b *testing.B) {
	for b.Loop() {
		if _, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}

func BenchmarkFloorSign(b *testing.B) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, k, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}

func BenchmarkFloorGenerateAndSign(b *testing.B) {
	digest := sha256.Sum256([]byte("message"))
	for b.Loop() {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ecdsa.SignASN1(rand.Reader, k, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}

// renew puts a fresh challenge in place of the one in the options: the letters
// A to P sixteen times, in base64url.
func renew(options []byte, n *uint64) []byte {
	*n++
	at := bytes.Index(options, []byte(`"challenge":"`)) + len(`"challenge":"`)
	for i := range 16 {
		options[at+i] = 'A' + byte(*n>>(4*i))&15
	}
	return options
}

const someChallenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func benchCreation(challenge, attestation string) []byte {
	return fmt.Appendf(nil, `{"rp":{"id":"rp.example","name":"RP"},"user":{"id":"aGFuZGxl","name":"ada","displayName":"Ada"},"challenge":"%s",`+
		`"pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],"timeout":60000,`+
		`"authenticatorSelection":{"residentKey":"discouraged","userVerification":"preferred"},"attestation":"%s"}`, challenge, attestation)
}

func benchRequest(id string) []byte {
	return fmt.Appendf(nil, `{"challenge":"%s","rpId":"rp.example","timeout":60000,"allowCredentials":[{"type":"public-key","id":"%s"}],"userVerification":"preferred"}`, someChallenge, id)
}

func benchmarkRegistration(b *testing.B, attestation string) {
	a := newAuthenticator(b, virtualauth.Config{})
	options := benchCreation(someChallenge, attestation)
	var n uint64
	for b.Loop() {
		o, err := virtualauth.ParseCreationOptions(renew(options, &n))
		if err != nil {
			b.Fatal(err)
		}
		r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Response.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}

func BenchmarkRegistrationNone(b *testing.B)       { benchmarkRegistration(b, "none") }
func BenchmarkRegistrationPackedSelf(b *testing.B) { benchmarkRegistration(b, "direct") }

func BenchmarkAssertion(b *testing.B) {
	a := newAuthenticator(b, virtualauth.Config{})
	r, err := page.Create(context.Background(), a, creationOptions("none", virtualauth.AuthenticatorSelection{}), virtualauth.Faults{})
	if err != nil {
		b.Fatal(err)
	}
	id := base64.RawURLEncoding.EncodeToString(r.Credential.ID)
	options := benchRequest(id)
	var n uint64
	for b.Loop() {
		o, err := virtualauth.ParseRequestOptions(renew(options, &n))
		if err != nil {
			b.Fatal(err)
		}
		r, err := page.Get(context.Background(), a, o, virtualauth.Faults{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Response.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}

// peerRegistration is one registration by virtualwebauthn, from JSON to JSON.
func peerRegistration(b *testing.B) func() {
	rp := descope.RelyingParty{ID: "rp.example", Name: "RP", Origin: "https://rp.example"}
	a := descope.NewAuthenticator()
	options := benchCreation(someChallenge, "direct")
	var n uint64
	return func() {
		o, err := descope.ParseAttestationOptions(string(renew(options, &n)))
		if err != nil {
			b.Fatal(err)
		}
		descope.CreateAttestationResponse(rp, a, descope.NewCredential(descope.KeyTypeEC2), *o)
	}
}

func BenchmarkPeerRegistrationPackedSelf(b *testing.B) {
	once := peerRegistration(b)
	for b.Loop() {
		once()
	}
	b.ReportAllocs()
}

// peerAssertion is one login by virtualwebauthn, from JSON to JSON.
func peerAssertion(b *testing.B) func() {
	rp := descope.RelyingParty{ID: "rp.example", Name: "RP", Origin: "https://rp.example"}
	a := descope.NewAuthenticator()
	credential := descope.NewCredential(descope.KeyTypeEC2)
	id := base64.RawURLEncoding.EncodeToString(credential.ID)
	options := benchRequest(id)
	var n uint64
	return func() {
		o, err := descope.ParseAssertionOptions(string(renew(options, &n)))
		if err != nil {
			b.Fatal(err)
		}
		descope.CreateAssertionResponse(rp, a, credential, *o)
	}
}

func BenchmarkPeerAssertion(b *testing.B) {
	once := peerAssertion(b)
	for b.Loop() {
		once()
	}
	b.ReportAllocs()
}

// BenchmarkRatio takes turns with the cryptography alone and reports how many
// times as long a ceremony takes, which a busy machine changes less than the times.
func BenchmarkRatio(b *testing.B) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	sign := func(k *ecdsa.PrivateKey) {
		if _, err := ecdsa.SignASN1(rand.Reader, k, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
	generate := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return k
	}
	register := func(attestation string) func() {
		a, options, n := newAuthenticator(b, virtualauth.Config{}), benchCreation(someChallenge, attestation), uint64(0)
		return func() {
			o, err := virtualauth.ParseCreationOptions(renew(options, &n))
			if err != nil {
				b.Fatal(err)
			}
			r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.Response.MarshalJSON(); err != nil {
				b.Fatal(err)
			}
		}
	}
	a := newAuthenticator(b, virtualauth.Config{})
	registered := create(b, page, a, creationOptions("none", virtualauth.AuthenticatorSelection{}))
	request, n := benchRequest(registered.Response.ID), uint64(0)
	for _, tc := range []struct {
		name        string
		floor, ours func()
	}{
		{"registration-none", func() { generate() }, register("none")},
		{"registration-packed-self", func() { sign(generate()) }, register("direct")},
		{"assertion", func() { sign(k) }, func() {
			o, err := virtualauth.ParseRequestOptions(renew(request, &n))
			if err != nil {
				b.Fatal(err)
			}
			r, err := page.Get(context.Background(), a, o, virtualauth.Faults{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.Response.MarshalJSON(); err != nil {
				b.Fatal(err)
			}
		}},
		{"virtualwebauthn-registration-packed-self", func() { sign(generate()) }, peerRegistration(b)},
		{"virtualwebauthn-assertion", func() { sign(k) }, peerAssertion(b)},
	} {
		b.Run(tc.name, func(b *testing.B) {
			var floor, ours time.Duration
			for b.Loop() {
				start := time.Now()
				tc.floor()
				middle := time.Now()
				tc.ours()
				floor += middle.Sub(start)
				ours += time.Since(middle)
			}
			b.ReportMetric(float64(ours)/float64(floor), "x-crypto")
		})
	}
}

// BenchmarkScaling reports how many times as much two goroutines do as one, for
// the cryptography alone and for assertions by one shared authenticator.
func BenchmarkScaling(b *testing.B) {
	const batch = 100
	digest := sha256.Sum256([]byte("message"))
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	crypto := func() func() {
		return func() {
			if _, err := ecdsa.SignASN1(rand.Reader, k, digest[:]); err != nil {
				b.Error(err)
			}
		}
	}
	a := newAuthenticator(b, virtualauth.Config{})
	registered := create(b, page, a, creationOptions("none", virtualauth.AuthenticatorSelection{}))
	assertion := func() func() {
		request, n := benchRequest(registered.Response.ID), uint64(0)
		return func() {
			o, err := virtualauth.ParseRequestOptions(renew(request, &n))
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := page.Get(context.Background(), a, o, virtualauth.Faults{}); err != nil {
				b.Error(err)
			}
		}
	}
	for _, tc := range []struct {
		name string
		make func() func()
	}{{"crypto", crypto}, {"assertion", assertion}} {
		b.Run(tc.name, func(b *testing.B) {
			work := []func(){tc.make(), tc.make()}
			var alone, together time.Duration
			for b.Loop() {
				start := time.Now()
				for range 2 * batch {
					work[0]()
				}
				middle := time.Now()
				var wg sync.WaitGroup
				for _, f := range work {
					wg.Go(func() {
						for range batch {
							f()
						}
					})
				}
				wg.Wait()
				alone += middle.Sub(start)
				together += time.Since(middle)
			}
			b.ReportMetric(float64(alone)/float64(together), "x-one")
		})
	}
}

// TestAllocations: a registration allocates at most 40 times beyond what its
// cryptography does.
func TestAllocations(t *testing.T) {
	digest := sha256.Sum256([]byte("message"))
	floor := testing.AllocsPerRun(50, func() {
		if _, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	})
	both := testing.AllocsPerRun(50, func() {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ecdsa.SignASN1(rand.Reader, k, digest[:]); err != nil {
			t.Fatal(err)
		}
	})
	for attestation, floor := range map[string]float64{"none": floor, "direct": both} {
		a, options, n := newAuthenticator(t, virtualauth.Config{}), benchCreation(someChallenge, attestation), uint64(0)
		got := testing.AllocsPerRun(50, func() {
			o, err := virtualauth.ParseCreationOptions(renew(options, &n))
			if err != nil {
				t.Fatal(err)
			}
			r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Response.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("attestation %s: %.0f allocations, %.0f of them the cryptography's", attestation, got, floor)
		if got-floor > 40 && !raceDetector {
			t.Errorf("attestation %s: %.0f allocations, %.0f beyond the cryptography's own", attestation, got, got-floor)
		}
	}
}
