"""Checks a page of HTML that stands alone: page.py FILE. Prints its text, or what is wrong.

Everything is in the page, every picture decodes and is described, headings and tables are in order,
links lead somewhere, and the colours of each scheme have the contrast of WCAG 2.
"""
import base64
import html.parser
import io
import re
import sys
import xml.etree.ElementTree

import PIL.Image

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes), list(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.text.append(data)

    def all(self, tag):
        return [a for t, a, _ in self.tags if t == tag]


def check_picture(a):
    assert len(a["alt"]) > 3, a["alt"]
    kind, data = re.fullmatch(r"data:image/([a-z+]+);base64,(.+)", a["src"]).groups()
    data = base64.b64decode(data, validate=True)
    if kind == "svg+xml":
        root = xml.etree.ElementTree.fromstring(data)
        assert root.tag.endswith("}svg") and len(list(root.iter())) > 20
    else:
        image = PIL.Image.open(io.BytesIO(data))
        assert image.format.lower() == kind
        image.load()


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(a, b):
    a, b = sorted((luminance(a), luminance(b)))
    return (b + 0.05) / (a + 0.05)


def check_style(css):
    assert "url(" not in css and "@import" not in css
    schemes = re.findall(r":root\s*{(.*?)}", css, re.S)
    assert len(schemes) == 3  # light, dark, print
    base = {}
    for scheme in schemes:
        c = base = {**base, **dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))}
        for text, page, least in [
            ("text", "page", 7), ("text", "shade", 7), ("soft", "page", 7), ("link", "page", 4.5),
            ("link", "shade", 4.5), ("line", "page", 1.3),
        ]:
            assert contrast(c[text], c[page]) >= least, (text, page, contrast(c[text], c[page]))


source = open(sys.argv[1], encoding="utf-8").read()
page = Page()
page.feed(source)
page.close()
assert not page.open, page.open
assert source.startswith("<!DOCTYPE html>") and page.all("html")[0]["lang"] == "en"
assert "width=device-width" in {a.get("name"): a for a in page.all("meta")}["viewport"]["content"]
assert not {t for t, _, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
check_style(re.search("<style>(.*?)</style>", source, re.S)[1])
assert page.all("img")
for a in page.all("img"):
    check_picture(a)
ids = [a["id"] for _, a, _ in page.tags if "id" in a]
assert len(ids) == len(set(ids))
for a in page.all("a"):
    assert a["href"][0] == "#" and a["href"][1:] in ids, a
levels = [int(t[1]) for t, _, _ in page.tags if re.fullmatch("h[1-6]", t)]
assert levels[0] == 1 and levels.count(1) == 1
assert all(b <= a + 1 for a, b in zip(levels, levels[1:])), levels
assert len(page.all("caption")) == len(page.all("table")) > 2
assert all(a.get("scope") in ("row", "col") for a in page.all("th"))
assert len(page.all("main")) == len(page.all("nav")) == len(page.all("header")) == 1
print(" ".join(" ".join(page.text).split()))
