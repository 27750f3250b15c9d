"""Photographs in every format that Pillow writes, and whether fd2 decodes them as Pillow does.

photos.py PROGRAM: compares; PROGRAM FILE writes a PPM. Prints what differs; status 1.
photos.py --make FOLDER: leaves the files there."""
import io, os, struct, subprocess, sys, tempfile, zlib
import numpy
from PIL import Image, ImageOps


def base(w=37, h=23):
    y, x = numpy.mgrid[0:h, 0:w]
    v = numpy.stack([x * 255 // w, y * 255 // h, (x * y * 3) % 256], 2).astype("u1")
    v[2:6, 2:12] = (250, 20, 10)  # not symmetric
    return Image.fromarray(v)


def png(w, h, depth, colour, rows):
    """A PNG of any depth, which Pillow does not write."""
    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc
    head = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + r for r in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels)
            + chunk(b"IEND", b""))


def deep(channels):
    v = numpy.random.default_rng(1).integers(0, 65536, (9, 11, channels), dtype="u2").astype(">u2")
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rgb = (v >> 8).astype("u1")[..., :3] if channels > 2 else (v >> 8).astype("u1")[..., [0, 0, 0]]
    return png(11, 9, 16, colour, [r.tobytes() for r in v]), rgb


def saved(im, format, **kw):
    b = io.BytesIO()
    im.save(b, format, **kw)
    return b.getvalue()


def files():
    """Name, bytes, tolerance, pixels (None: as Pillow has them)."""
    im, rgba = base(), base().convert("RGBA")
    rgba.putalpha(Image.fromarray((numpy.arange(37 * 23) % 256).astype("u1").reshape(23, 37)))
    p = im.quantize(16)
    for name, mode in ("rgb", im), ("rgba", rgba), ("grey", im.convert("L")), \
            ("la", rgba.convert("LA")), ("palette", p), ("bit", im.convert("1")):
        yield name + ".png", saved(mode, "PNG"), 0, None
    yield "trns.png", saved(p, "PNG", transparency=3), 0, None
    yield "trns-rgb.png", saved(im, "PNG", transparency=(250, 20, 10)), 0, None
    chunk = b"gAMA" + struct.pack(">I", 100000)
    data = saved(im, "PNG")
    chunk = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    yield "gamma.png", data[:33] + chunk + data[33:], 0, None
    for channels in 1, 2, 3, 4:
        data, pixels = deep(channels)
        yield "deep%d.png" % channels, data, 0, pixels
    for name, kw in ("plain", {}), ("progressive", {"progressive": True}), \
            ("444", {"subsampling": 0}):
        yield name + ".jpg", saved(im, "JPEG", quality=90, **kw), 0, None
    yield "grey.jpg", saved(im.convert("L"), "JPEG"), 0, None
    yield "cmyk.jpg", saved(im.convert("CMYK"), "JPEG", quality=95), 0, None
    for name, of, kw in ("lossy", im, {}), ("lossless", im, {"lossless": True}), \
            ("alpha", rgba, {}), ("alpha-lossless", rgba, {"lossless": True, "exact": True}):
        yield name + ".webp", saved(of, "WEBP", **kw), 0, None
    frames = {"save_all": True, "append_images": [im.rotate(180)], "lossless": True}
    yield "animated.webp", saved(im, "WEBP", **frames), 0, None
    full = {"quality": 90, "subsampling": "4:4:4"}
    for name, of, kw in ("lossy", im, {"quality": 80}), ("444", im, full), \
            ("alpha", rgba, {"quality": 80}), ("grey", im.convert("L"), {"quality": 80}):
        # chroma is interpolated differently by versions of libavif and libyuv
        yield name + ".avif", saved(of, "AVIF", **kw), 3, None
    for k in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = k
        for format, ext, tolerance, kw in ("JPEG", "jpg", 0, {}), ("PNG", "png", 0, {}), \
                ("WEBP", "webp", 0, {"lossless": True}), ("AVIF", "avif", 3, full):
            data = saved(im, format, exif=exif, **kw)
            yield "turned%d.%s" % (k, ext), data, tolerance, None


def pillow(data):
    return numpy.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def main():
    if sys.argv[1] == "--make":
        for name, data, _, _ in files():
            open(os.path.join(sys.argv[2], name), "wb").write(data)
        return 0
    wrong = n = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, data, tolerance, want in files():
            path = os.path.join(folder, name)
            open(path, "wb").write(data)
            got = subprocess.run([sys.argv[1], path], capture_output=True)
            if got.returncode and b"was built without" in got.stderr:
                continue
            n += 1
            want = pillow(data) if want is None else want
            if got.returncode:
                print(name, got.stderr.decode().strip())
                wrong += 1
                continue
            have = numpy.asarray(Image.open(io.BytesIO(got.stdout)))
            if have.shape != want.shape:
                print(name, "is", have.shape, "not", want.shape)
                wrong += 1
                continue
            off = int(numpy.abs(have.astype(int) - want).max())
            if off > tolerance:
                print(name, "is off by", off)
                wrong += 1
    print(n, "images compared,", wrong, "differ")
    return wrong > 0


sys.exit(main())
