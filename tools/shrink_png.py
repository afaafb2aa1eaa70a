#!/usr/bin/env python3
"""Halves an RGB PNG and writes it with a palette of up to 256 colours, for pictures in docs/.

  shrink_png.py IN.png OUT.png [COLOURS]

Needs nothing but Python. The same input gives the same bytes (with the same zlib).
"""
import struct
import sys
import zlib


def read_rgb(path):
    """Returns width, height and the rows of an 8-bit RGB PNG."""
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path + " is no PNG"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (8, 2), path + " is not 8-bit RGB"
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw, stride = zlib.decompress(packed), 3 * width
    rows, above = [], bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        filter_type, row = raw[start], bytearray(raw[start + 1:start + 1 + stride])
        for i in range(stride):
            a = row[i - 3] if i >= 3 else 0
            b = above[i]
            c = above[i - 3] if i >= 3 else 0
            if filter_type == 1:
                predicted = a
            elif filter_type == 2:
                predicted = b
            elif filter_type == 3:
                predicted = (a + b) // 2
            elif filter_type == 4:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                predicted = a if pa <= pb and pa <= pc else b if pb <= pc else c
            else:
                break
            row[i] = (row[i] + predicted) & 255
        rows.append(row)
        above = row
    return width, height, rows


def halve(width, height, rows):
    """Means of 2 x 2 pixels; returns rows of (r, g, b)."""
    result = []
    for y in range(0, height - 1, 2):
        upper, lower = rows[y], rows[y + 1]
        result.append([
            tuple((upper[i + c] + upper[i + c + 3] + lower[i + c] + lower[i + c + 3] + 2) // 4 for c in range(3))
            for i in range(0, 3 * (width // 2) * 2, 6)
        ])
    return result


def palette_of(rows, colours):
    """Median cut over the colours reduced to 6 bits. Returns the palette and a dictionary colour -> index."""
    counts = {}
    for row in rows:
        for r, g, b in row:
            key = (r >> 2, g >> 2, b >> 2)
            counts[key] = counts.get(key, 0) + 1
    def box_of(keys):
        spans = [max(k[c] for k in keys) - min(k[c] for k in keys) for c in range(3)]
        axis = spans.index(max(spans))
        return spans[axis] * sum(counts[k] for k in keys)**0.5, axis, keys
    boxes = [box_of(sorted(counts))]
    while len(boxes) < colours:
        boxes.sort(key=lambda box: box[0])
        weight, axis, keys = boxes[-1]
        if weight == 0:
            break
        boxes.pop()
        keys = sorted(keys, key=lambda k: (k[axis], k))
        half, seen, cut = sum(counts[k] for k in keys) / 2, 0, 1
        for cut, key in enumerate(keys[:-1], 1):
            seen += counts[key]
            if seen >= half:
                break
        boxes += [box_of(keys[:cut]), box_of(keys[cut:])]
    palette, index = [], {}
    for i, (_, _, keys) in enumerate(boxes):
        total = sum(counts[k] for k in keys)
        mean = [sum(k[c] * counts[k] for k in keys) / total for c in range(3)]
        palette.append(tuple(min(255, int(m * 255 / 63 + 0.5)) for m in mean))
        index.update((key, i) for key in keys)
    return palette, index


def write_indexed(path, rows, palette, index):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    lines = b"".join(b"\0" + bytes(index[(r >> 2, g >> 2, b >> 2)] for r, g, b in row) for row in rows)
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n")
        out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)))
        out.write(chunk(b"PLTE", b"".join(bytes(colour) for colour in palette)))
        out.write(chunk(b"IDAT", zlib.compress(lines, 9)))
        out.write(chunk(b"IEND", b""))


def main():
    rows = halve(*read_rgb(sys.argv[1]))
    palette, index = palette_of(rows, int(sys.argv[3]) if len(sys.argv) > 3 else 256)
    write_indexed(sys.argv[2], rows, palette, index)


main()
