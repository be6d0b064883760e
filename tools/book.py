# SPDX-License-Identifier: MIT OR Apache-2.0
"""book.py [--target DIR] [--mdbook PROGRAM]: the book of the documentation, in DIR/book.

Chapters lie where they are read in the repository: in docs/, but also README.md, DESIGN.md or results/. This program
copies the chapters that docs/SUMMARY.md names to DIR/book-source, each to the same place, with the pictures and files
that they link to, and runs mdbook there. So a link is the same in the repository and in the book. A chapter may link
to no Markdown file that is not a chapter.

    make book
"""
import argparse
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<!`)\]\(([^)\s]+)\)")


def targets(page):
    """The files of the repository that a page links to, relative to its root."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for link in LINK.findall(text):
        path = link.partition("#")[0]
        if path and not re.match(r"[a-z]+:", path):
            yield (page.parent / path).resolve().relative_to(ROOT)


def copy(path, source):
    (source / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / path, source / path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", type=Path, default=ROOT / "target")
    parser.add_argument("--mdbook", default="mdbook")
    args = parser.parse_args()
    source = args.target.resolve() / "book-source"
    shutil.rmtree(source, ignore_errors=True)
    summary = ROOT / "docs/SUMMARY.md"
    chapters = set(targets(summary))
    linked = set()
    for chapter in sorted(chapters):
        copy(chapter, source)
        linked |= {path for path in targets(ROOT / chapter) if path not in chapters}
    strays = sorted(str(path) for path in linked if path.suffix == ".md")
    if strays:
        raise SystemExit(f"chapters link to pages that docs/SUMMARY.md does not name: {', '.join(strays)}")
    for path in sorted(linked):
        if (ROOT / path).is_file():
            copy(path, source)
    copy(Path("docs/book.css"), source)
    shutil.copyfile(ROOT / "docs/book.toml", source / "book.toml")
    # The summary lies one folder up, so its links are turned to it.
    text = summary.read_text().replace("](", "](docs/").replace("](docs/../", "](")
    (source / "SUMMARY.md").write_text(text)
    subprocess.run([args.mdbook, "build", source], check=True)
    print(f"the book: {args.target / 'book/index.html'}")


if __name__ == "__main__":
    main()
