"""Reads a page that skua wrote with Python's own HTML parser, strictly, and holds it against what it was made from.

page.py PAGE whole              well-formed, and nothing in it comes from elsewhere
page.py PAGE text               its text, a line an element
page.py PAGE epochs LOG         figures, ends of curves, times and the table of epochs are those of log.jsonl
page.py PAGE compare LOG LOG    so are the figures of two runs, and the differences between them
page.py PAGE eval JSON          classes, confusion, mistakes and calibration are those of `skua eval --json`
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
        if tag == "small" and "td" in self.open:
            self.tables[-1][-1][-1] += "\n"
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


def epochs(page, log, text):
    logged = [json.loads(line) for line in open(log)]
    logged = [e for e in logged if "train_loss" in e]
    table = page.table("epoch")[1:]
    assert len(table) == len(logged) > 0, (len(table), len(logged))
    for row, e in zip(table, logged):
        want = [str(e["epoch"]), f"{e['train_loss']:.4f}", f"{100 * e['train_top1']:.2f}%", f"{e['val_loss']:.4f}",
                f"{100 * e['val_top1']:.2f}%", f"{e['lr']:.4g}", f"{e['seconds']:.2f}"]
        got = [row[0].split()[0]] + row[1:7]
        assert got == want, (got, want)
    if "runs side by side" not in text:
        figures(text, logged)


def shown(text, pattern):
    return re.search(pattern, text)[1]


def figures(text, logged):
    last, best = logged[-1], max(logged, key=lambda e: e["val_top1"])
    for name, key in ("Validation accuracy", "val_top1"), ("Training accuracy", "train_top1"), ("Averaged weights", "ema_top1"):
        if key in last:
            assert shown(text, f"<dt>{name}</dt><dd>([^<]*)") == f"{100 * last[key]:.2f}%", name
    if best is not last:
        assert shown(text, "<dt>Best</dt><dd>([^ ]*)") == f"{100 * best['val_top1']:.2f}%"
    ends = re.findall('aria-label="([^"]*)"', text)
    loss = f"training {last['train_loss']:.3g}, valid. {last['val_loss']:.3g}"
    top1 = f"training {100 * last['train_top1']:.2f}%, valid. {100 * last['val_top1']:.2f}%"
    if "ema_top1" in last:
        loss += f", averaged {last['ema_loss']:.3g}"
        top1 += f", averaged {100 * last['ema_top1']:.2f}%"
    assert ends[0] == f"Loss by epoch, at the end: {loss}", ends
    assert ends[1].endswith(f": {top1}"), ends
    assert ends[3].endswith(f"all {last['seconds']:.3g}, computing {last['compute_seconds']:.3g}"), ends
    for name, key in ("computing", "compute_seconds"), ("waiting for data", "wait_seconds"), ("validation", "val_seconds"):
        assert shown(text, f"</span>{name} ([^ ]*) s ") == f"{sum(e[key] for e in logged):.3g}", name


def compare(page, logs):
    runs = [[e for e in map(json.loads, open(log)) if "train_loss" in e] for log in logs]
    rows = {row[0]: row[1:] for row in page.tables[0][1:]}
    last = [run[-1] for run in runs]
    for name, key in ("Validation accuracy, last epoch", "val_top1"), ("Training accuracy", "train_top1"):
        a, b, difference = "\n".join(rows[name]).split("\n")
        assert [a, b] == [f"{100 * e[key]:.2f}%" for e in last], (name, rows[name])
        assert abs(float(difference.replace("−", "-").replace("±", "")) - 100 * (last[1][key] - last[0][key])) < 0.0051, rows[name]
    for name, key in ("Validation loss", "val_loss"), ("Training loss", "train_loss"):
        a, b, difference = "\n".join(rows[name]).split("\n")
        assert [a, b] == [f"{e[key]:.4f}" for e in last], (name, rows[name])
        assert abs(float(difference.replace("−", "-").replace("±", "")) - (last[1][key] - last[0][key])) < 5.1e-5, rows[name]
    best = [cell.split("\n")[0] for cell in rows["Validation accuracy, best epoch"]]
    assert best == [f"{100 * max(e['val_top1'] for e in run):.2f}%" for run in runs], best
    assert rows["Epochs"] == [str(len(runs[0])), f"{len(runs[1])}\n×{len(runs[1]) / len(runs[0]):.3g}"], rows["Epochs"]


def number(text):
    return float(text.replace(",", "").strip("% "))


def evaluated(page, path, html):
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
    for label, c in enumerate(want["classes"]):
        other = [n if i != label else 0 for i, n in enumerate(want["confusion"][label])]
        taken = want["classes"][other.index(max(other))]["name"]
        assert rows[c["name"]][5] == (f"{taken} {max(other)}" if max(other) > 0 else ""), rows[c["name"]]
    bins = [b for b in want["calibration"]["bins"] if b["count"]]
    titles = re.findall("<title>([0-9]+) pictures: confidence ([0-9.]+)%, accuracy ([0-9.]+)%", html)
    assert titles == [(str(b["count"]), f"{100 * b['confidence']:.1f}", f"{100 * b['accuracy']:.1f}") for b in bins], titles
    fit = want["calibration"]["temperature"]
    assert f"loss {fit['loss_after']:.4f} instead of {fit['loss_before']:.4f}" in text
    mistakes(want, html)


def mistakes(want, html):
    names = [c["name"] for c in want["classes"]]
    name = lambda of: of if isinstance(of, str) else names[of]
    found = re.findall('<figure title="[^"]*"><img[^>]* alt="([^"]*)" src="([^"]*)"><figcaption><b>([^<]*)</b> ([0-9.]+)%<br>'
                       '<span class="quiet">is ([^<]*) ([0-9.]+)%</span>', html)
    assert len(found) >= min(len(want["mistakes"]), 20) > 0, len(found)
    for (alt, _, predicted, sure, label, less), m in zip(found, want["mistakes"]):
        assert [predicted, label, alt] == [name(m["predicted"]), name(m["class"]), name(m["class"])], (predicted, label, m)
        assert [sure, less] == [f"{100 * m['probability']:.1f}", f"{100 * m['class_probability']:.1f}"], m
    assert len({source for _, source, *_ in found}) == len(found), "one picture for several mistakes"
    strips = re.findall('<p class="strip".*?</p>', html, re.S)
    assert any(len(set(re.findall('src="([^"]*)"', strip))) > 3 for strip in strips), "one picture for all epochs"


def main():
    path, what = sys.argv[1:3]
    text = open(path, encoding="utf-8", newline="").read()
    page = Page(text)
    if what == "whole":
        whole(page, text)
    elif what == "text":
        print("\n".join(re.sub(r"\s+", " ", line) for line in page.lines if line.strip()))
    elif what == "epochs":
        epochs(page, sys.argv[3], text)
    elif what == "eval":
        evaluated(page, sys.argv[3], text)
    elif what == "compare":
        compare(page, sys.argv[3:5])


main()
