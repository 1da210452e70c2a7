package ctap2

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// maxBlobs is the room for the serialised large-blob array.
const maxBlobs = 4096

// maxFragment is the longest part that one command carries.
const maxFragment = maxMessage - 64

// emptyBlobs is an empty array and LEFT(SHA-256(array), 16).
func emptyBlobs() []byte {
	sum := sha256.Sum256([]byte{0x80})
	return append([]byte{0x80}, sum[:16]...)
}

// upload is a write that is going on.
type upload struct {
	want int
	data []byte
}

// largeBlobs is authenticatorLargeBlobs (CTAP 2.2 §6.10).
func (d *Device) largeBlobs(v item) ([]byte, error) {
	offset, ok, err := intAt(v, 3, false)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, statusInvalidParameter
	}
	count, reading, err := intAt(v, 1, false)
	if err != nil {
		return nil, err
	}
	data, err := bytesAt(v, 2, false)
	if err != nil {
		return nil, err
	}
	_, writing := v.at(2)
	length, sized, err := intAt(v, 4, false)
	if err != nil {
		return nil, err
	}
	if reading == writing || reading && sized {
		return nil, statusInvalidParameter
	}
	if reading {
		d.upload = upload{}
		switch {
		case count > maxFragment:
			return nil, statusInvalidLength
		case offset > int64(len(d.blobs)):
			return nil, statusInvalidParameter
		}
		end := min(int64(len(d.blobs)), offset+count)
		return object(field(1, bin(d.blobs[offset:end]))), nil
	}
	if len(data) > maxFragment {
		return nil, statusInvalidLength
	}
	if offset == 0 {
		switch {
		case !sized:
			return nil, statusInvalidParameter
		case length > maxBlobs:
			return nil, statusLargeBlobsFull
		case length < 17:
			return nil, statusInvalidParameter
		}
		d.upload = upload{want: int(length)}
	} else {
		if sized {
			return nil, statusInvalidParameter
		}
		if int(offset) != len(d.upload.data) || d.upload.want == 0 {
			return nil, statusInvalidSeq
		}
	}
	if d.protected() {
		mac, ok := v.at(5)
		if !ok {
			return nil, statusPUATRequired
		}
		if mac.major != majorBytes {
			return nil, statusUnexpectedType
		}
		p, err := protocolAt(v, 6)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		message := append(bytes.Repeat([]byte{0xff}, 32), 0x0c, 0)
		message = binary.LittleEndian.AppendUint32(message, uint32(offset))
		if !d.tokenAllows(p, append(message, sum[:]...), mac.b, permissionLargeBlobWrite, "") {
			return nil, statusPINAuthInvalid
		}
	}
	if len(d.upload.data)+len(data) > d.upload.want {
		return nil, statusInvalidParameter
	}
	d.upload.data = append(d.upload.data, data...)
	if len(d.upload.data) < d.upload.want {
		return nil, nil
	}
	array, want := d.upload.data[:d.upload.want-16], d.upload.data[d.upload.want-16:]
	sum := sha256.Sum256(array)
	if !bytes.Equal(sum[:16], want) {
		d.upload = upload{}
		return nil, statusIntegrityFailure
	}
	d.blobs = d.upload.data
	d.upload = upload{}
	return nil, nil
}
