"""Reads a page that skua wrote with Python's own HTML parser, strictly, and holds it against what it was made from.

page.py PAGE whole              well-formed, and nothing in it comes from elsewhere
page.py PAGE text               its text, a line an element
page.py PAGE epochs LOG         the table of epochs has the figures of log.jsonl
page.py PAGE eval JSON          classes, confusion and mistakes are those of `skua eval --json`
"""

import json
import re
import sys
from base64 import b64decode
from html.parser import HTMLParser

VOID = {"meta", "br", "img"}
ALLOWED = VOID | set(
    "html head title style body h1 h2 h3 p b span small a div table thead tbody tr td th ul li dl dt dd details summary "
    "pre code figure figcaption svg path line text rect circle".split()
)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.lines, self.tables, self.images, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED, f"line {self.getpos()[0]}: an element that skua does not write: {tag} {attrs}"
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"line {self.getpos()[0]}: an attribute twice: {attrs}"
        for name, value in attrs:
            assert not name.startswith("on"), f"a handler: {name}={value}"
            if name in ("src", "href"):
                assert value.startswith("data:"), f"a reference to elsewhere: {value[:80]}"
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)
            self.lines.append("")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"line {self.getpos()[0]}: </{tag}> closes {self.open[-1:]}"
        self.open.pop()
        self.lines.append("")

    def handle_data(self, data):
        if "style" in self.open:
            assert "url(" not in data and "@import" not in data
            return
        if self.lines:
            self.lines[-1] += data
        if self.tables and self.tables[-1] and ("td" in self.open or "th" in self.open):
            self.tables[-1][-1][-1] += data

    def table(self, first):
        return next(t for t in self.tables if t and t[0] and t[0][0].strip() == first)


def whole(page, text):
    for word in ("http://", "https://", "file://", "<script", "javascript:"):
        assert word not in text, word
    assert text.startswith("<!doctype html>\n<html lang=\"en\">") and text.endswith("</body></html>\n")
    assert all(image.get("alt") for image in page.images), "a picture without a text for those who do not see it"
    for image in page.images:
        kind, data = image["src"].split(",", 1)
        begin = {"data:image/png;base64": b"\x89PNG", "data:image/jpeg;base64": b"\xff\xd8\xff"}[kind]
        assert b64decode(data, validate=True).startswith(begin)


def epochs(page, log):
    logged = [json.loads(line) for line in open(log)]
    logged = [e for e in logged if "train_loss" in e]
    table = page.table("epoch")[1:]
    assert len(table) == len(logged) > 0, (len(table), len(logged))
    for row, e in zip(table, logged):
        want = [str(e["epoch"]), f"{e['train_loss']:.4f}", f"{100 * e['train_top1']:.2f}%", f"{e['val_loss']:.4f}",
                f"{100 * e['val_top1']:.2f}%", f"{e['lr']:.4g}", f"{e['seconds']:.2f}"]
        got = [row[0].split()[0]] + row[1:7]
        assert got == want, (got, want)


def number(text):
    return float(text.replace(",", "").strip("% "))


def evaluated(page, path):
    want = json.load(open(path))
    text = " ".join(page.lines)
    assert f"{100 * want['top1']:.2f}%" in text and f"loss {want['loss']:.4f}" in text
    table = page.table("class")
    rows = {row[0]: row for row in table[1:]}
    for c in want["classes"]:
        row = rows[c["name"]]
        assert number(row[1]) == c["count"], (row, c)
        for cell, key in zip(row[2:5], ("precision", "recall", "f1")):
            assert cell == f"{100 * c[key]:.2f}%", (row, c)
    matrix = next(t for t in page.tables if len(t) == len(want["classes"]) + 1 and t[0][0] == "")
    got = [[int(cell or 0) for cell in row[1:]] for row in matrix[1:]]
    assert got == want["confusion"], (got, want["confusion"])
    assert f"{100 * want['calibration']['ece']:.2f}%" in text
    for m in want["mistakes"][:20]:
        assert f"{100 * m['probability']:.1f}%" in text and f"{100 * m['class_probability']:.1f}%" in text, m


def main():
    path, what = sys.argv[1:3]
    text = open(path, encoding="utf-8", newline="").read()
    page = Page(text)
    if what == "whole":
        whole(page, text)
    elif what == "text":
        print("\n".join(re.sub(r"\s+", " ", line) for line in page.lines if line.strip()))
    elif what == "epochs":
        epochs(page, sys.argv[3])
    elif what == "eval":
        evaluated(page, sys.argv[3])


main()
