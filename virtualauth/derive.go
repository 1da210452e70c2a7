package virtualauth

import (
	"crypto/sha256"
	"encoding/binary"
)

// deriver draws bytes by HKDF-SHA-256 (RFC 5869). It holds the pseudorandom
// key, so a draw costs one HMAC for every 32 bytes and no allocation but the
// result; crypto/hkdf would extract anew each time.
type deriver struct {
	inner, outer [sha256.BlockSize]byte // the HMAC pads of the pseudorandom key
}

func newDeriver(secret, salt []byte) *deriver {
	return deriverOf(hmacSHA256(hmacPads(salt), secret))
}

// deriverOf makes a deriver of a pseudorandom key.
func deriverOf(prk [sha256.Size]byte) *deriver {
	d := hmacPads(prk[:])
	return &d
}

func hmacPads(key []byte) deriver {
	var d deriver
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	copy(d.inner[:], key)
	d.outer = d.inner
	for i := range d.inner {
		d.inner[i] ^= 0x36
		d.outer[i] ^= 0x5c
	}
	return d
}

func hmacSHA256(pads deriver, message []byte) [sha256.Size]byte {
	var store [512]byte
	in := append(append(store[:0], pads.inner[:]...), message...)
	sum := sha256.Sum256(in)
	var out [sha256.BlockSize + sha256.Size]byte
	copy(out[:], pads.outer[:])
	copy(out[sha256.BlockSize:], sum[:])
	return sha256.Sum256(out[:])
}

// expand fills dst with HKDF-Expand(PRK, info).
func (d *deriver) expand(dst, info []byte) {
	var previous [sha256.Size]byte
	var store [384]byte
	for block, done := byte(1), 0; done < len(dst); block++ {
		message := store[:0]
		if block > 1 {
			message = append(message, previous[:]...)
		}
		message = append(append(message, info...), block)
		previous = hmacSHA256(*d, message)
		done += copy(dst[done:], previous[:])
		if block == 255 {
			return
		}
	}
}

// draw returns n bytes for a label, the things it is bound to, and a counter.
// Every part is length-prefixed, so that no two lists of parts collide.
func (d *deriver) draw(n int, label string, counter uint32, parts ...[]byte) []byte {
	var store [256]byte
	info := append(store[:0], "touchstone virtualauth "...)
	info = binary.BigEndian.AppendUint16(info, uint16(len(label)))
	info = append(info, label...)
	for _, p := range parts {
		info = binary.BigEndian.AppendUint32(info, uint32(len(p)))
		info = append(info, p...)
	}
	info = binary.BigEndian.AppendUint32(info, counter)
	dst := make([]byte, n)
	d.expand(dst, info)
	return dst
}
