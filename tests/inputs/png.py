"""png.py FILE...: writes pictures 24 wide and 16 high, each of noise of its own, which its path decides."""

import random
import struct
import sys
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(seed):
    draw = random.Random(seed)
    rows = b"".join(b"\0" + draw.randbytes(3 * 24) for _ in range(16))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 16, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


for path in sys.argv[1:]:
    with open(path, "wb") as file:
        file.write(png(path))
