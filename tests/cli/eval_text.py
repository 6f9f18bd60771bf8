"""Holds the text of `skua eval` against its JSON, figure by figure. Usage: eval_text.py TEXT JSON"""
import json
import re
import sys


def percent(x, digits=2):
    return f"{100 * x:.{digits}f}%"


def summary(found):
    yield f"Loss: {found['loss']:.4f}, Accuracy: {percent(found['top1'])}, Top-5: {percent(found['top5'])}, {found['count']} pictures, "
    yield f"Macro F1: {found['macro']['f1']:.4f}, ECE: {percent(found['calibration']['ece'])}"
    support = {c["name"]: c["count"] for c in found["classes"]}
    assert all(abs(p["share"] - p["count"] / support[p["class"]]) < 1e-8 for p in found["confused"]), "share of the class"
    yield "Most confused: " + ", ".join(f"{p['class']} as {p['predicted']} {p['count']} ({percent(p['share'], 1)})"
                                        for p in found["confused"][:3])


def prf(p):
    return f"{p['precision']:.4f} {p['recall']:.4f} {p['f1']:.4f}"


def tables(found):
    for c in found["classes"]:
        yield f"{c['name']} {c['count']} {prf(c)}"
    for average in ("macro", "micro", "weighted"):
        yield f"{average} average {found['count']} {prf(found[average])}"
    for i, row in enumerate(found["confusion"]):
        yield f"{i} {found['classes'][i]['name']} {' '.join(map(str, row))}"
    for b in found["calibration"]["bins"]:
        if b["count"]:
            yield f"{b['from']:.3f} to {b['to']:.3f} {b['count']} {percent(b['confidence'])} {percent(b['accuracy'])}"
    t = found["calibration"]["temperature"]
    yield (f"Temperature {t['value']:.4f}, fitted to all {t['samples']} of these pictures: loss {t['loss_before']:.4f} -> "
           f"{t['loss_after']:.4f}, ECE {percent(t['ece_before'])} -> {percent(t['ece_after'])}")
    for m in found["mistakes"]:
        yield f"{m['name']} {m['class']} {m['predicted']} {m['probability']:.4f} {m['class_probability']:.4f}"


def pair(found):
    a, b, test = found["a"], found["b"], found["mcnemar"]
    for what, key in (("loss", "loss"), ("macro F1", "macro"), ("weighted F1", "weighted")):
        x, y = (m[key] if key == "loss" else m[key]["f1"] for m in (a, b))
        yield f"{what} {x:.4f} {y:.4f} {y - x:+.4f}"
    for what, key in (("accuracy", "top1"), ("top-5", "top5")):
        yield f"{what} {percent(a[key])} {percent(b[key])} {100 * (b[key] - a[key]):+.2f}"
    x, y = a["calibration"]["ece"], b["calibration"]["ece"]
    yield f"ECE {percent(x)} {percent(y)} {100 * (y - x):+.2f}"
    yield f"McNemar's test: {test['only_a']} pictures only A got right, {test['only_b']} only B: p = {test['p']:.3g} "
    of_b = {c["name"]: c["f1"] for c in b["classes"]}
    both = [(c["name"], c["f1"], of_b[c["name"]]) for c in a["classes"]]
    largest = sorted((c for c in both if c[1] != c[2]), key=lambda c: -abs(c[2] - c[1]))[:3]
    yield "Largest differences of F1: " + ", ".join(f"{name} {y - x:+.4f}" for name, x, y in largest)
    for name, x, y in both:
        yield f"{name} {x:.4f} {y:.4f} {y - x:+.4f}"


def main():
    text, found = open(sys.argv[1], encoding="utf-8").read(), json.load(open(sys.argv[2], encoding="utf-8"))
    lines = [re.sub(r" +", " ", line).strip() + " " for line in text.splitlines()]
    wanted = list(pair(found)) if "a" in found else [*summary(found), *tables(found)]
    missing = [w for w in wanted if not any(line.startswith(w if w.endswith(" ") else w + " ") for line in lines)]
    for w in missing:
        print("not in the text:", w)
    for found in re.findall(r"Inference time per image: \S+ seconds \(median (\S+), p90 (\S+), p99 (\S+)\)", text):
        if list(map(float, found)) != sorted(map(float, found)):
            missing.append("quantiles in order")
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
