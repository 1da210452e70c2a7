package cose

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// A Rule is one demand of the CTAP2 canonical CBOR encoding form
// (https://fidoalliance.org/specs/fido-v2.1-ps-20210615/fido-client-to-authenticator-protocol-v2.1-ps-20210615.html#ctap2-canonical-cbor-encoding-form),
// which WebAuthn prescribes in https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes.
type Rule string

// The rules. A violation of the first one leaves nothing to work with; of all
// others Decode still delivers a tree, so that a caller may judge each by itself.
const (
	WellFormed    Rule = "well-formed"
	TrailingBytes Rule = "trailing-bytes"
	DuplicateKeys Rule = "duplicate-keys"
	KeyOrder      Rule = "key-order"
	Indefinite    Rule = "indefinite-length"
	ShortestForm  Rule = "shortest-form"
	Nesting       Rule = "nesting"
	Tags          Rule = "tags"
)

// CanonicalRules are all rules but WellFormed, in the order in which they are judged.
var CanonicalRules = []Rule{TrailingBytes, DuplicateKeys, KeyOrder, Indefinite, ShortestForm, Nesting, Tags}

// hardNesting bounds the recursion whatever the caller's limit is.
const hardNesting = 32

// Kind is the type of a Node.
type Kind int

// The kinds of CBOR items. Simple covers true, false, null, undefined and the others.
const (
	Unsigned Kind = iota
	Negative
	Bytes
	Text
	Array
	Map
	Simple
	Float
)

func (k Kind) String() string {
	names := [...]string{"an unsigned integer", "a negative integer", "a byte string", "a text string", "an array", "a map", "a simple value", "a float"}
	if k < 0 || int(k) >= len(names) {
		return "an unknown item"
	}
	return names[k]
}

// Node is one decoded item.
type Node struct {
	Kind  Kind
	Int   int64  // Unsigned and Negative
	Bytes []byte // Bytes and Text
	Items []Node // Array: elements; Map: key, value, key, value ...
	Value uint64 // Simple: 20 false, 21 true, 22 null
	Raw   []byte // the item's own encoding
}

// IsText tells whether the node is the text s.
func (n Node) IsText(s string) bool { return n.Kind == Text && string(n.Bytes) == s }

// Get returns the value of a text key of a map; of duplicates the last, as lax
// decoders do.
func (n Node) Get(key string) (Node, bool) {
	return n.find(func(k Node) bool { return k.IsText(key) })
}

// GetInt returns the value of an integer key of a map; of duplicates the last.
func (n Node) GetInt(key int64) (Node, bool) {
	return n.find(func(k Node) bool { return (k.Kind == Unsigned || k.Kind == Negative) && k.Int == key })
}

func (n Node) find(match func(Node) bool) (found Node, ok bool) {
	if n.Kind != Map {
		return Node{}, false
	}
	for i := 0; i+1 < len(n.Items); i += 2 {
		if match(n.Items[i]) {
			found, ok = n.Items[i+1], true
		}
	}
	return found, ok
}

// TextKeys returns the keys of a map in order; ok is false when one is no text.
func (n Node) TextKeys() (keys []string, ok bool) {
	for i := 0; i+1 < len(n.Items); i += 2 {
		if n.Items[i].Kind != Text {
			return keys, false
		}
		keys = append(keys, string(n.Items[i].Bytes))
	}
	return keys, n.Kind == Map
}

// Violation is one broken rule and where.
type Violation struct {
	Rule    Rule
	Offset  int
	Message string
}

func (v *Violation) Error() string { return fmt.Sprintf("%s at byte %d", v.Message, v.Offset) }

// Decode reads one item that must fill data. maxNesting is the deepest nesting
// of arrays and maps that is still canonical: 4 in CTAP2's own messages, 5 in
// an attestation object because of the compound format. The error is a
// *Violation of WellFormed; all other violations are returned beside the tree.
//
// It is not go-webauthn's webauthncbor because that decoder gives one verdict
// for all rules, which would not let a deliberate bug leave out just one, and
// does not judge key order and shortest form at all. A test keeps the two in
// agreement on what is acceptable.
func Decode(data []byte, maxNesting int) (Node, []*Violation, error) {
	node, n, violations, err := DecodeFirst(data, maxNesting)
	if err != nil {
		return Node{}, nil, err
	}
	if n != len(data) {
		violations = append(violations, &Violation{TrailingBytes, n, fmt.Sprintf("%d bytes follow the end of the CBOR item", len(data)-n)})
	}
	return node, violations, nil
}

// DecodeFirst is Decode for an item that may be followed by others: n is its length.
func DecodeFirst(data []byte, maxNesting int) (node Node, n int, violations []*Violation, err error) {
	d := &decoder{data: data, maxNesting: maxNesting}
	node, err = d.item(0)
	if err != nil {
		return Node{}, 0, nil, err
	}
	return node, d.pos, d.violations, nil
}

type decoder struct {
	data       []byte
	pos        int
	maxNesting int
	violations []*Violation
}

func (d *decoder) fail(format string, args ...any) error {
	return &Violation{WellFormed, d.pos, fmt.Sprintf(format, args...)}
}

// note keeps the first violation of each rule: one is enough to refuse, and a
// hostile input must not make the list grow.
func (d *decoder) note(r Rule, offset int, format string, args ...any) {
	for _, v := range d.violations {
		if v.Rule == r {
			return
		}
	}
	d.violations = append(d.violations, &Violation{r, offset, fmt.Sprintf(format, args...)})
}

const indefiniteLength = math.MaxUint64

// head reads an initial byte and its argument. arg is indefiniteLength for 31.
func (d *decoder) head() (major, info byte, arg uint64, err error) {
	if d.pos >= len(d.data) {
		return 0, 0, 0, d.fail("the CBOR ends in the middle of an item")
	}
	start := d.pos
	b := d.data[d.pos]
	d.pos++
	major, info = b>>5, b&31
	switch {
	case info < 24:
		return major, info, uint64(info), nil
	case info <= 27:
		size := 1 << (info - 24)
		if len(d.data)-d.pos < size {
			return 0, 0, 0, d.fail("the CBOR ends in the middle of an item")
		}
		var wide [8]byte
		copy(wide[8-size:], d.data[d.pos:d.pos+size])
		arg = binary.BigEndian.Uint64(wide[:])
		d.pos += size
		if major != 7 {
			least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
			if arg < least {
				d.note(ShortestForm, start, "the number %d is not in its shortest form", arg)
			}
			if arg == indefiniteLength {
				return 0, 0, 0, d.fail("the number %d is too large", arg)
			}
		}
		return major, info, arg, nil
	case info == 31:
		return major, info, indefiniteLength, nil
	default:
		return 0, 0, 0, d.fail("the initial byte %#02x is reserved", b)
	}
}

func (d *decoder) item(depth int) (Node, error) {
	if depth > hardNesting {
		return Node{}, d.fail("arrays and maps are nested more than %d deep", hardNesting)
	}
	start := d.pos
	major, info, arg, err := d.head()
	if err != nil {
		return Node{}, err
	}
	var node Node
	switch major {
	case 0, 1:
		if info == 31 || arg > math.MaxInt64 {
			return Node{}, d.fail("the integer does not fit 64 bits")
		}
		node.Int = int64(arg)
		if major == 1 {
			node.Kind = Negative
			node.Int = -1 - node.Int
		}
	case 2, 3:
		node.Kind = Bytes
		if major == 3 {
			node.Kind = Text
		}
		if node.Bytes, err = d.str(major, arg, start); err != nil {
			return Node{}, err
		}
		if major == 3 && !utf8.Valid(node.Bytes) {
			return Node{}, d.fail("a text string is not UTF-8")
		}
	case 4, 5:
		node.Kind = Array
		if major == 5 {
			node.Kind = Map
		}
		if depth+1 > d.maxNesting {
			d.note(Nesting, start, "arrays and maps are nested more than %d deep", d.maxNesting)
		}
		if node.Items, err = d.items(major, arg, start, depth); err != nil {
			return Node{}, err
		}
	case 6:
		if info == 31 {
			return Node{}, d.fail("a tag has no number")
		}
		d.note(Tags, start, "tag %d is used", arg)
		// The tagged item stands for itself. The depth counts up so that a long
		// row of tags ends as deep nesting does.
		inner, err := d.item(depth + 1)
		if err != nil {
			return Node{}, err
		}
		inner.Raw = d.data[start:d.pos]
		return inner, nil
	case 7:
		switch info {
		case 25, 26, 27:
			node.Kind, node.Value = Float, arg
		case 31:
			return Node{}, d.fail("a break stands where an item should")
		case 24:
			if arg < 32 {
				return Node{}, d.fail("the simple value %d is not well-formed", arg)
			}
			fallthrough
		default:
			node.Kind, node.Value = Simple, arg
		}
	}
	node.Raw = d.data[start:d.pos]
	return node, nil
}

func (d *decoder) str(major byte, length uint64, start int) ([]byte, error) {
	if length != indefiniteLength {
		if length > uint64(len(d.data)-d.pos) {
			return nil, d.fail("a string says it is %d bytes long, %d are left", length, len(d.data)-d.pos)
		}
		s := d.data[d.pos : d.pos+int(length)]
		d.pos += int(length)
		return s, nil
	}
	d.note(Indefinite, start, "a string has indefinite length")
	whole := []byte{}
	for {
		if d.atBreak() {
			return whole, nil
		}
		chunkStart := d.pos
		m, _, n, err := d.head()
		if err != nil {
			return nil, err
		}
		if m != major || n == indefiniteLength {
			return nil, d.fail("a chunk of a string of indefinite length is no string")
		}
		chunk, err := d.str(major, n, chunkStart)
		if err != nil {
			return nil, err
		}
		whole = append(whole, chunk...)
	}
}

func (d *decoder) atBreak() bool {
	if d.pos < len(d.data) && d.data[d.pos] == 0xff {
		d.pos++
		return true
	}
	return false
}

func (d *decoder) items(major byte, count uint64, start, depth int) ([]Node, error) {
	per := uint64(1)
	if major == 5 {
		per = 2
	}
	endless := count == indefiniteLength
	if endless {
		d.note(Indefinite, start, "an array or map has indefinite length")
	} else if count > uint64(len(d.data)-d.pos)/per {
		// Every item takes a byte at least: no allocation on a mere promise.
		return nil, d.fail("an array or map says it has %d entries, %d bytes are left", count, len(d.data)-d.pos)
	}
	items := []Node{}
	var seen map[string]bool
	var last []byte
	for i := uint64(0); endless || i < count; i++ {
		if endless && d.atBreak() {
			return items, nil
		}
		keyStart := d.pos
		node, err := d.item(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, node)
		if major != 5 {
			continue
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		if seen[string(node.Raw)] {
			d.note(DuplicateKeys, keyStart, "a map key occurs twice")
		} else if last != nil && !keyLess(last, node.Raw) {
			d.note(KeyOrder, keyStart, "map keys are not in canonical order")
		}
		seen[string(node.Raw)] = true
		last = node.Raw
		if node, err = d.item(depth + 1); err != nil {
			return nil, err
		}
		items = append(items, node)
	}
	return items, nil
}

// keyLess is CTAP2's order: by major type, then by length, then bytewise.
func keyLess(a, b []byte) bool {
	if a[0]>>5 != b[0]>>5 {
		return a[0]>>5 < b[0]>>5
	}
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return bytes.Compare(a, b) < 0
}
