package ctap2

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// The CTAP2 canonical CBOR form (CTAP 2.2 §8): shortest heads, definite
// lengths, sorted and unique keys, no tags, and at most four levels.
const maxDepth = 4

// maxAnswerDepth is what a platform reads: a compound attestation statement in
// an answer goes deeper than a message may.
const maxAnswerDepth = 8

// major types (RFC 8949 §3.1).
const (
	majorUint  = 0
	majorNeg   = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorOther = 7
)

// item is one decoded value.
type item struct {
	major byte
	n     int64   // integers; of majorOther 1 for true
	b     []byte  // strings
	list  []item  // arrays
	pairs []entry // maps
	raw   []byte  // as it stood
}

type entry struct{ key, value item }

// decode reads one value in canonical form that is all of b.
func decode(b []byte) (item, bool) {
	v, rest, ok := decodeItem(b, maxDepth)
	return v, ok && len(rest) == 0
}

// decodeItem reads the first value of b, with at most depth levels of maps and arrays.
func decodeItem(b []byte, depth int) (v item, rest []byte, ok bool) {
	if len(b) == 0 {
		return v, nil, false
	}
	v.major = b[0] >> 5
	info := b[0] & 31
	rest = b[1:]
	if v.major == majorOther {
		v.n = int64(info) - 20 // false and true only
		v.raw = b[:1:1]
		return v, rest, info == 20 || info == 21
	}
	var n uint64
	switch {
	case info < 24:
		n = uint64(info)
	case info < 28:
		size := 1 << (info - 24)
		if len(rest) < size {
			return v, nil, false
		}
		for _, c := range rest[:size] {
			n = n<<8 | uint64(c)
		}
		rest = rest[size:]
		if size == 1 && n < 24 || size > 1 && n>>(4*size) == 0 {
			return v, nil, false // a shorter head would do
		}
	default:
		return v, nil, false
	}
	switch v.major {
	case majorUint, majorNeg:
		if n > 1<<63-1 {
			return v, nil, false
		}
		if v.n = int64(n); v.major == majorNeg {
			v.n = -1 - v.n
		}
	case majorBytes, majorText:
		if n > uint64(len(rest)) {
			return v, nil, false
		}
		v.b, rest = rest[:n:n], rest[n:]
		if v.major == majorText && !utf8.Valid(v.b) {
			return v, nil, false
		}
	case majorArray:
		if depth == 0 || n > uint64(len(rest)) {
			return v, nil, false
		}
		for range n {
			var e item
			if e, rest, ok = decodeItem(rest, depth-1); !ok {
				return v, nil, false
			}
			v.list = append(v.list, e)
		}
	case majorMap:
		if depth == 0 || n > uint64(len(rest)) {
			return v, nil, false
		}
		for range n {
			var e entry
			if e.key, rest, ok = decodeItem(rest, depth-1); !ok || e.key.major > majorText {
				return v, nil, false
			}
			if e.value, rest, ok = decodeItem(rest, depth-1); !ok {
				return v, nil, false
			}
			if len(v.pairs) > 0 && compareKeys(v.pairs[len(v.pairs)-1].key.raw, e.key.raw) >= 0 {
				return v, nil, false // out of order, or twice
			}
			v.pairs = append(v.pairs, e)
		}
	default:
		return v, nil, false // a tag
	}
	used := len(b) - len(rest)
	v.raw = b[:used:used]
	return v, rest, true
}

// compareKeys is the order of map keys: by major type, then length, then bytes.
func compareKeys(a, b []byte) int {
	if c := cmp.Compare(a[0]>>5, b[0]>>5); c != 0 {
		return c
	}
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return bytes.Compare(a, b)
}

// at is the member of a map with an integer key; ok says whether it is there.
func (v item) at(key int64) (item, bool) {
	for _, e := range v.pairs {
		if (e.key.major == majorUint || e.key.major == majorNeg) && e.key.n == key {
			return e.value, true
		}
	}
	return item{}, false
}

// named is the member of a map with a text key.
func (v item) named(key string) (item, bool) {
	for _, e := range v.pairs {
		if e.key.major == majorText && string(e.key.b) == key {
			return e.value, true
		}
	}
	return item{}, false
}

func (v item) isInt() bool  { return v.major == majorUint || v.major == majorNeg }
func (v item) isBool() bool { return v.major == majorOther }

func appendHead(dst []byte, major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return append(dst, m|byte(n))
	case n < 1<<8:
		return append(dst, m|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, m|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, m|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, m|27), n)
	}
}

// The encoders return one value each, to be put together by array and object.

func num(n int64) []byte {
	if n < 0 {
		return appendHead(nil, majorNeg, uint64(-1-n))
	}
	return appendHead(nil, majorUint, uint64(n))
}

func bin(b []byte) []byte  { return append(appendHead(nil, majorBytes, uint64(len(b))), b...) }
func text(s string) []byte { return append(appendHead(nil, majorText, uint64(len(s))), s...) }

func boolean(v bool) []byte {
	if v {
		return []byte{0xf5}
	}
	return []byte{0xf4}
}

func array(values ...[]byte) []byte {
	dst := appendHead(nil, majorArray, uint64(len(values)))
	for _, v := range values {
		dst = append(dst, v...)
	}
	return dst
}

func texts(list []string) []byte {
	values := make([][]byte, len(list))
	for i, s := range list {
		values[i] = text(s)
	}
	return array(values...)
}

// member is an encoded key and value.
type member struct{ key, value []byte }

// object is a map; members without a value are left out.
func object(members ...member) []byte {
	members = slices.DeleteFunc(members, func(m member) bool { return m.value == nil })
	slices.SortFunc(members, func(a, b member) int { return compareKeys(a.key, b.key) })
	dst := appendHead(nil, majorMap, uint64(len(members)))
	for _, m := range members {
		dst = append(append(dst, m.key...), m.value...)
	}
	return dst
}

func field(key int64, value []byte) member       { return member{num(key), value} }
func namedField(key string, value []byte) member { return member{text(key), value} }

// present is value where it is there, for members that may be left out.
func present(there bool, value func() []byte) []byte {
	if !there {
		return nil
	}
	return value()
}
