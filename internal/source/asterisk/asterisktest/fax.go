package asterisktest

import (
	"bytes"
	"encoding/binary"
)

// tiff is a white page as fax machines write one: a TIFF of one strip in Group 4
// coding (ITU-T T.6). A line like the one above it is a single bit there, and the
// page ends with twice the end of a line.
func tiff(width, height uint32) []byte {
	const end = "000000000001"
	bits := bytes.Repeat([]byte{'1'}, int(height))
	bits = append(bits, end+end...)
	strip := make([]byte, (len(bits)+7)/8)
	for i, bit := range bits {
		if bit == '1' {
			strip[i/8] |= 0x80 >> (i % 8)
		}
	}
	const (
		short, long, rational = 3, 4, 5
		fields                = 12
		after                 = 8 + 2 + 12*fields + 4 // where the directory ends
	)
	b := append([]byte("II*\x00"), 8, 0, 0, 0, fields, 0)
	for _, f := range [fields][3]uint32{
		{256, long, width},
		{257, long, height},
		{258, short, 1},
		{259, short, 4},
		{262, short, 0},
		{266, short, 1},
		{273, long, after + 8},
		{277, short, 1},
		{278, long, height},
		{279, long, uint32(len(strip))}, //nolint:gosec // G115: small
		{282, rational, after},
		{283, rational, after},
	} {
		b = binary.LittleEndian.AppendUint16(b, uint16(f[0])) //nolint:gosec // G115: small
		b = binary.LittleEndian.AppendUint16(b, uint16(f[1])) //nolint:gosec // G115: small
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = binary.LittleEndian.AppendUint32(b, f[2])
	}
	b = binary.LittleEndian.AppendUint32(b, 0)   // no other page
	b = binary.LittleEndian.AppendUint32(b, 204) // dots an inch
	b = binary.LittleEndian.AppendUint32(b, 1)
	return append(b, strip...)
}
