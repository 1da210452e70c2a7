package compare

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
)

// maxRepeat bounds what a short text can make long.
const maxRepeat = 4096

// fill puts values in the place of what only this package knows: {"$id": N} is the
// id of the Nth credential that was registered ahead, {"$zeros": N} is N zero
// bytes and {"$text": "…"} the bytes of a text, all as base64url, and {"$repeat": [N, v]} an array of N times v. What
// else is literal goes to the client, see client.Call.
func (p *place) fill(text json.RawMessage) (json.RawMessage, error) {
	if len(text) == 0 {
		return text, nil
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("the options are not JSON: %w", err)
	}
	doc, changed, err := p.filled(doc)
	if err != nil || !changed {
		return text, err // as it came: numbers keep their digits
	}
	return json.Marshal(doc)
}

func (p *place) filled(v any) (out any, changed bool, err error) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			item, c, err := p.filled(item)
			if err != nil {
				return nil, false, err
			}
			v[i], changed = item, changed || c
		}
	case map[string]any:
		if len(v) == 1 {
			for name, of := range v {
				if out, ok, err := p.special(name, of); ok || err != nil {
					return out, true, err
				}
			}
		}
		for name, member := range v {
			member, c, err := p.filled(member)
			if err != nil {
				return nil, false, err
			}
			v[name], changed = member, changed || c
		}
	}
	return v, changed, nil
}

func (p *place) special(name string, of any) (any, bool, error) {
	count := func(v any, most int) (int, error) {
		n, ok := v.(float64)
		if !ok || n != math.Trunc(n) || n < 0 || n > float64(most) {
			return 0, fmt.Errorf("options: %s takes a whole number from 0 to %d", name, most)
		}
		return int(n), nil
	}
	switch name {
	case "$id":
		n, err := count(of, len(p.ids)-1)
		if err != nil {
			return nil, false, fmt.Errorf("%w: %d credentials were registered ahead", err, len(p.ids))
		}
		return base64.RawURLEncoding.EncodeToString(p.ids[n]), true, nil
	case "$zeros":
		n, err := count(of, maxRepeat)
		if err != nil {
			return nil, false, err
		}
		return base64.RawURLEncoding.EncodeToString(make([]byte, n)), true, nil
	case "$text":
		text, ok := of.(string)
		if !ok {
			return nil, false, fmt.Errorf("options: $text takes a string")
		}
		return base64.RawURLEncoding.EncodeToString([]byte(text)), true, nil
	case "$repeat":
		pair, ok := of.([]any)
		if !ok || len(pair) != 2 {
			return nil, false, fmt.Errorf("options: $repeat takes [count, value]")
		}
		n, err := count(pair[0], maxRepeat)
		if err != nil {
			return nil, false, err
		}
		item, _, err := p.filled(pair[1])
		if err != nil {
			return nil, false, err
		}
		list := make([]any, n)
		for i := range list {
			list[i] = item
		}
		return list, true, nil
	}
	return nil, false, nil
}
