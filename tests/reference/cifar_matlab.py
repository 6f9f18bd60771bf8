"""Writes sets in every layout, reads them by `skua data convert` and compares. Usage: cifar_matlab.py WORK SKUA"""
import importlib.util
import io
import json
import pathlib
import pickle
import subprocess
import sys
import tarfile

import numpy as np
from PIL import Image
from scipy.io import savemat

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("make_mats", HERE.parent / "data/mats/make.py")
make_mats = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_mats)

TEN = {"folder": ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar-10-batches-mat"), "meta": "batches.meta",
       "train": [f"data_batch_{i}" for i in range(1, 6)], "val": ["test_batch"], "labels": {"labels": 10}}
HUNDRED = {"folder": ("cifar-100-binary", "cifar-100-python", "cifar-100-matlab"), "meta": "meta", "train": ["train"],
           "val": ["test"], "labels": {"coarse_labels": 20, "fine_labels": 100}}


def names_key(labels):
    return labels.replace("labels", "label_names")


def draw(rng, layout):
    """A set: pictures and labels by batch, names by kind of labels."""
    batches = {}
    for name in layout["train"] + layout["val"]:
        count = int(rng.integers(65, 140))  # more than a block of rows
        batches[name] = {"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8)}
        for labels, classes in layout["labels"].items():
            batches[name][labels] = rng.integers(0, classes, count, dtype=np.uint8)
    names = {names_key(labels): [f"{labels} {i:03}" for i in range(n)] for labels, n in layout["labels"].items()}
    return batches, names


def write_binary(folder, layout, batches, names):
    for name, batch in batches.items():
        np.hstack([batch[k][:, None] for k in layout["labels"]] + [batch["data"]]).tofile(folder / f"{name}.bin")
    for key, texts in names.items():
        (folder / ("batches.meta.txt" if key == "label_names" else f"{key}.txt")).write_text("\n".join(texts) + "\n")


def write_pickled(folder, layout, batches, names):
    for name, batch in batches.items():
        plain = {key: value if key == "data" else value.tolist() for key, value in batch.items()}
        (folder / name).write_bytes(pickle.dumps({**plain, "filenames": ["x.png"] * len(plain["data"])}, 2))
    (folder / layout["meta"]).write_bytes(pickle.dumps(names, 2))


def write_matlab(folder, layout, batches, names, save):
    for name, batch in batches.items():
        columns = {key: value if key == "data" else value[:, None] for key, value in batch.items()}
        save(folder / f"{name}.mat", columns)
    save(folder / f"{layout['meta']}.mat", {key: np.array(texts, object)[:, None] for key, texts in names.items()})


def saver(packed):
    def save(path, arrays):
        files = np.array([f"picture {i}.png" for i in range(100)], object)[:, None]
        others = {"batch_label": "a batch", "filenames": files, "num_vis": 3072.0}
        savemat(path, {**others, **arrays}, do_compression=packed)
    return save


def write_all(work, layout, batches, names):
    """Every layout, unpacked and packed; returns where they lie."""
    writers = {"binary": (0, write_binary), "pickled": (1, write_pickled)}
    for kind, save in (("mat", saver(False)), ("mat-packed", saver(True)), ("mat-big", make_mats.write_big_endian)):
        writers[kind] = (2, lambda *parts, save=save: write_matlab(*parts, save))
    for kind, (which, write) in writers.items():
        folder = work / kind / layout["folder"][which]
        folder.mkdir(parents=True)
        write(folder, layout, batches, names)
        archive = work / f"{kind}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder, folder.name)
        yield from (folder, archive)


def run(skua, *words):
    done = subprocess.run([skua, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, f"skua {words}: {done.stderr}"
    return done.stdout


def read_shards(folder):
    """Pixels and label of each picture, sorted, since shards are in a random order."""
    found = []
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as tar:
            content = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
        for name in sorted(n for n in content if n.endswith(".png")):
            pixels = np.asarray(Image.open(io.BytesIO(content[name])))
            found.append((pixels.tobytes(), int(content[name[:-3] + "cls"])))
    return sorted(found)


def expected(batches, labels):
    rows = [(row.reshape(3, 32, 32).transpose(1, 2, 0).tobytes(), int(label))
            for batch in batches for row, label in zip(batch["data"], batch[labels])]
    return sorted(rows)


def check(skua, path, out, layout, batches, names, labels):
    settings = ["--set", "data.cifar100_labels=" + ("coarse" if labels == "coarse_labels" else "fine")]
    run(skua, "data", "convert", "--data", path, "--out", out, *settings)
    for split in ("train", "val"):
        same = read_shards(out / split) == expected([batches[name] for name in layout[split]], labels)
        assert same, f"{path}: other pictures or labels in {split}"
    classes = json.loads(run(skua, "data", "inspect", "--data", path, "--json", *settings))["classes"]
    assert [c["name"] for c in classes] == names[names_key(labels)], f"{path}: names"


def main(work, skua):
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    for number, layout in enumerate((TEN, HUNDRED)):
        batches, names = draw(np.random.default_rng(seed), layout)
        places = list(write_all(work / str(number), layout, batches, names))
        for labels in layout["labels"]:
            for i, path in enumerate(places):
                check(skua, path, work / f"out-{number}-{labels}-{i}", layout, batches, names, labels)
            print(f"{labels}: {len(places)} places, the same pictures, labels and names")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
