package virtualauth

import (
	"errors"
	"fmt"
)

// CBOR by hand: an encoder that lays down exactly the bytes it is told to
// (also the wrong ones), and a reader that keeps to byte ranges, so that what a
// fault does not touch stays as it was.

// CBOR major types (RFC 8949 §3.1).
const (
	cborUint  = 0
	cborNeg   = 1
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborTag   = 6
	cborOther = 7
)

// appendCBORHead appends the shortest head for a major type and its argument.
func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return append(dst, m|byte(n))
	case n < 1<<8:
		return append(dst, m|24, byte(n))
	case n < 1<<16:
		return append(dst, m|25, byte(n>>8), byte(n))
	case n < 1<<32:
		return append(dst, m|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	default:
		return append(dst, m|27, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

func appendCBORInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendCBORHead(dst, cborNeg, uint64(-1-n))
	}
	return appendCBORHead(dst, cborUint, uint64(n))
}

func appendCBORBytes(dst, b []byte) []byte {
	return append(appendCBORHead(dst, cborBytes, uint64(len(b))), b...)
}

func appendCBORText(dst []byte, s string) []byte {
	return append(appendCBORHead(dst, cborText, uint64(len(s))), s...)
}

func appendCBORBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xf5)
	}
	return append(dst, 0xf4)
}

// maxCBORDepth bounds recursion when reading.
const maxCBORDepth = 64

var errCBOREnd = errors.New("unexpected end of CBOR")

// cborHead reads the head at i. indefinite is set for the additional
// information 31.
func cborHead(b []byte, i int) (major byte, n uint64, indefinite bool, next int, err error) {
	if i >= len(b) {
		return 0, 0, false, i, errCBOREnd
	}
	major, info := b[i]>>5, b[i]&31
	i++
	switch {
	case info < 24:
		return major, uint64(info), false, i, nil
	case info < 28:
		size := 1 << (info - 24)
		if len(b)-i < size {
			return 0, 0, false, i, errCBOREnd
		}
		for _, c := range b[i : i+size] {
			n = n<<8 | uint64(c)
		}
		return major, n, false, i + size, nil
	case info == 31:
		return major, 0, true, i, nil
	default:
		return 0, 0, false, i, fmt.Errorf("reserved CBOR head %#02x at offset %d", b[i-1], i-1)
	}
}

// cborItem checks the item that starts at i and returns the index behind it.
func cborItem(b []byte, i, depth int) (int, error) {
	if depth > maxCBORDepth {
		return i, fmt.Errorf("CBOR nested deeper than %d at offset %d", maxCBORDepth, i)
	}
	at := i
	major, n, indefinite, i, err := cborHead(b, i)
	if err != nil {
		return i, err
	}
	if indefinite {
		if major < cborBytes || major == cborTag || major == cborOther {
			return i, fmt.Errorf("CBOR head %#02x at offset %d has no indefinite form", b[at], at)
		}
		for {
			if i >= len(b) {
				return i, errCBOREnd
			}
			if b[i] == 0xff {
				return i + 1, nil
			}
			if i, err = cborItem(b, i, depth+1); err != nil {
				return i, err
			}
		}
	}
	switch major {
	case cborBytes, cborText:
		if n > uint64(len(b)-i) {
			return i, errCBOREnd
		}
		return i + int(n), nil
	case cborArray, cborMap, cborTag:
		count := n
		if major == cborMap {
			count = 2 * n
		}
		if major == cborTag {
			count = 1
		}
		// Each item takes a byte at least, so a huge declared length ends here.
		if n > uint64(len(b)-i) {
			if major != cborTag {
				return i, errCBOREnd
			}
		}
		for ; count > 0; count-- {
			if i, err = cborItem(b, i, depth+1); err != nil {
				return i, err
			}
		}
	}
	return i, nil
}

// cborPair is one entry of a map, as it stands in the bytes.
type cborPair struct{ key, value []byte }

// cborPairs reads a definite-length map that is all of b.
func cborPairs(b []byte) ([]cborPair, error) {
	major, n, indefinite, i, err := cborHead(b, 0)
	if err != nil {
		return nil, err
	}
	if major != cborMap || indefinite {
		return nil, errors.New("not a definite-length CBOR map")
	}
	if n > uint64(len(b)) {
		return nil, errCBOREnd
	}
	pairs := make([]cborPair, 0, n)
	for ; n > 0; n-- {
		k, err := cborItem(b, i, 1)
		if err != nil {
			return nil, err
		}
		v, err := cborItem(b, k, 1)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, cborPair{b[i:k], b[k:v]})
		i = v
	}
	if i != len(b) {
		return nil, fmt.Errorf("%d bytes behind the CBOR map", len(b)-i)
	}
	return pairs, nil
}

// appendCBORPairs appends a map of the pairs in the order given.
func appendCBORPairs(dst []byte, pairs []cborPair) []byte {
	dst = appendCBORHead(dst, cborMap, uint64(len(pairs)))
	for _, p := range pairs {
		dst = append(append(dst, p.key...), p.value...)
	}
	return dst
}

// cborElements reads a definite-length array that is all of b.
func cborElements(b []byte) ([][]byte, error) {
	major, n, indefinite, i, err := cborHead(b, 0)
	if err != nil {
		return nil, err
	}
	if major != cborArray || indefinite {
		return nil, errors.New("not a definite-length CBOR array")
	}
	if n > uint64(len(b)) {
		return nil, errCBOREnd
	}
	items := make([][]byte, 0, n)
	for ; n > 0; n-- {
		end, err := cborItem(b, i, 1)
		if err != nil {
			return nil, err
		}
		items = append(items, b[i:end])
		i = end
	}
	if i != len(b) {
		return nil, fmt.Errorf("%d bytes behind the CBOR array", len(b)-i)
	}
	return items, nil
}

// cborString is the content of a definite-length byte or text string that is all of b.
func cborString(b []byte, want byte) ([]byte, bool) {
	major, n, indefinite, i, err := cborHead(b, 0)
	if err != nil || major != want || indefinite || n != uint64(len(b)-i) {
		return nil, false
	}
	return b[i:], true
}

// cborInteger is the value of an integer that is all of b.
func cborInteger(b []byte) (int64, bool) {
	major, n, indefinite, i, err := cborHead(b, 0)
	if err != nil || indefinite || i != len(b) || n > 1<<62 {
		return 0, false
	}
	switch major {
	case cborUint:
		return int64(n), true
	case cborNeg:
		return -1 - int64(n), true
	}
	return 0, false
}

// findPair returns the index of the pair whose key is exactly key, or -1.
func findPair(pairs []cborPair, key []byte) int {
	for i, p := range pairs {
		if string(p.key) == string(key) {
			return i
		}
	}
	return -1
}

func cborTextKey(s string) []byte { return appendCBORText(nil, s) }
func cborIntKey(n int64) []byte   { return appendCBORInt(nil, n) }
