package client

import (
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// The features that a permissions policy gives to create() and get()
// (https://www.w3.org/TR/webauthn-3/#sctn-permissions-policy). Their default
// allowlist is 'self'.
const (
	createFeature = "publickey-credentials-create"
	getFeature    = "publickey-credentials-get"
)

// AllowBoth is the allow attribute of a frame that may call create() and get().
const AllowBoth = createFeature + "; " + getFeature

// framed makes of a page one in a frame, as cfg says.
func framed(page *virtualauth.Client, cfg SessionConfig) {
	if cfg.TopOrigin == "" {
		return
	}
	ancestors := append([]string{cfg.TopOrigin}, cfg.Between...)
	if page.CrossOrigin = slices.ContainsFunc(ancestors, func(o string) bool { return o != cfg.Origin }); page.CrossOrigin {
		page.TopOrigin = cfg.TopOrigin
	}
	page.NoActivation = cfg.Untouched
	if cfg.Allow != nil {
		parent := ancestors[len(ancestors)-1]
		page.NoCreate = !delegated(*cfg.Allow, createFeature, parent, cfg.Origin)
		page.NoGet = !delegated(*cfg.Allow, getFeature, parent, cfg.Origin)
	}
}

// delegated says whether the allow attribute of a frame of the origin, in a page
// of the origin parent that may use the feature itself, lets it use the feature
// (https://www.w3.org/TR/permissions-policy/#algo-define-inherited-policy-in-container).
func delegated(allow, feature, parent, origin string) bool {
	for directive := range strings.SplitSeq(allow, ";") {
		words := strings.Fields(directive)
		if len(words) == 0 || !strings.EqualFold(words[0], feature) {
			continue
		}
		if len(words) == 1 {
			return true // 'src' is meant
		}
		return slices.ContainsFunc(words[1:], func(word string) bool {
			switch strings.ToLower(word) {
			case "*", "'src'":
				return true
			case "'self'":
				return parent == origin
			default:
				return word == origin
			}
		})
	}
	return parent == origin
}
