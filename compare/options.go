package compare

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// asked is the options of an input, to be looked into by path.
type asked struct {
	doc    any
	method string
	json   bool
}

func read(in Input) asked {
	a := asked{method: in.Call.Method, json: in.Call.JSON}
	p := place{origin: in.Origin, ids: make([][]byte, len(in.Registered))}
	text, err := p.fill(in.Call.Options)
	if err == nil {
		_ = json.Unmarshal(text, &a.doc) // what does not decode has no members
	}
	return a
}

// missing is the value of a member that is not there.
type missing struct{}

// at is the value of the member at a path, missing{} where there is none.
func (a asked) at(path ...string) any {
	v := a.doc
	for _, name := range path {
		o, ok := v.(map[string]any)
		if !ok {
			return missing{}
		}
		if v, ok = o[name]; !ok {
			return missing{}
		}
	}
	if o, ok := v.(map[string]any); ok && len(o) == 1 && o["$undefined"] != nil {
		return missing{}
	}
	return v
}

func (a asked) has(path ...string) bool { return a.at(path...) != any(missing{}) }

func (a asked) text(path ...string) string {
	s, _ := a.at(path...).(string)
	return s
}

func (a asked) list(path ...string) []any {
	l, _ := a.at(path...).([]any)
	return l
}

// number is ToNumber as far as JSON goes; false for what becomes NaN.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case nil:
		return 0, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case string:
		s := strings.TrimSpace(v)
		if s == "" {
			return 0, true
		}
		n, err := strconv.ParseFloat(s, 64)
		return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
	}
	return 0, false
}

// algorithms are the COSE algorithms of pubKeyCredParams as Web IDL reads them.
func (a asked) algorithms() []int64 {
	var out []int64
	for _, v := range a.list("pubKeyCredParams") {
		o, _ := v.(map[string]any)
		if o["type"] != "public-key" {
			continue
		}
		n, _ := number(o["alg"])
		out = append(out, int64(int32(uint32(int64(math.Mod(math.Trunc(n), 1<<32))))))
	}
	return out
}

func (a asked) offers(algs ...int64) bool {
	return slices.ContainsFunc(a.algorithms(), func(alg int64) bool { return slices.Contains(algs, alg) })
}

// zeroTimeout: the timeout is there and is 0 once it is converted.
func (a asked) zeroTimeout() bool {
	if !a.has("timeout") {
		return false
	}
	n, ok := number(a.at("timeout"))
	return !ok || n == 0
}

// descriptors is the list of excludeCredentials or allowCredentials.
func (a asked) descriptors() (string, []any) {
	name := "excludeCredentials"
	if a.method == "get" {
		name = "allowCredentials"
	}
	return name, a.list(name)
}

func types(list []any) (known, unknown int) {
	for _, v := range list {
		if o, ok := v.(map[string]any); ok && o["type"] == "public-key" {
			known++
		} else if ok && o["type"] != nil {
			unknown++
		}
	}
	return known, unknown
}

// unpaddedBase64URL: s is what parse…FromJSON must take.
func unpaddedBase64URL(s string) bool {
	if strings.ContainsAny(s, "\r\n") {
		return false
	}
	_, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil
}
