"""Writes a MATLAB level-5 file as Stanford Cars has them.

usage: mat.py FILE [FIELD,FIELD... [NAME...]] <values

Each line of standard input is one element of the structure array `annotations`: its fields' values,
tab-separated, numbers as uint8 and the rest as text. Names become the cell `class_names`. The first
variable is compressed, unless PLAIN is set. Written from the format's specification, without
libmatio."""

import os
import struct
import sys
import zlib

INT8, UINT8, UINT16, INT32, UINT32, MATRIX, COMPRESSED = 1, 2, 4, 5, 6, 14, 15
CELL, STRUCT, CHAR, UINT8_CLASS = 1, 2, 4, 9


def element(kind, data):
    if 0 < len(data) <= 4:
        return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(kind, dims, body, name=b""):
    return element(
        MATRIX,
        element(UINT32, struct.pack("<II", kind, 0))
        + element(INT32, struct.pack("<ii", *dims))
        + element(INT8, name)
        + body,
    )


def text(s):
    return matrix(CHAR, (1, len(s)), element(UINT16, s.encode("utf-16-le")))


def value(s):
    return matrix(UINT8_CLASS, (1, 1), element(UINT8, bytes([int(s)]))) if s.isdigit() else text(s)


def annotations(fields, rows):
    names = b"".join(f.encode().ljust(32, b"\0") for f in fields)
    return matrix(
        STRUCT,
        (1, len(rows)),
        element(INT32, struct.pack("<i", 32))
        + element(INT8, names)
        + b"".join(value(v) for row in rows for v in row),
        b"annotations",
    )


def main(path, fields="", *names):
    out = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124, b" ") + b"\0\1IM"
    variables = []
    if fields:
        variables.append(
            annotations(fields.split(","), [line.rstrip("\n").split("\t") for line in sys.stdin])
        )
    if names:
        variables.append(
            matrix(CELL, (1, len(names)), b"".join(text(n) for n in names), b"class_names")
        )
    for i, v in enumerate(variables):
        packed = zlib.compress(v)
        out += (
            struct.pack("<II", COMPRESSED, len(packed)) + packed
            if i == 0 and "PLAIN" not in os.environ
            else v
        )
    with open(path, "wb") as f:
        f.write(out)


main(*sys.argv[1:])
