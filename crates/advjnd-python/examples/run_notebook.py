# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs protect_and_attack.ipynb, whose cells assert what they show. With --notebook, writes what came of it and its
pictures to build/notebook of the repository. The notebook in the repository is kept without outputs."""

import base64
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FILE = Path(__file__).with_name("protect_and_attack.ipynb")
OUT = FILE.parents[3] / "build/notebook"


def main():
    notebook = nbformat.read(FILE, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    full = [cell for cell in code if cell.outputs or cell.execution_count]
    assert not full, f"{FILE.name} is kept without outputs: clear {len(full)} cells"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(FILE.parent)}}).execute()
    shown = [output.get("data", {}) for cell in code for output in cell.outputs]
    pictures = [data["image/png"] for data in shown if "image/png" in data]
    assert len(pictures) == 3, f"{len(pictures)} pictures"
    print(f"{FILE.name}: {len(code)} cells, {len(pictures)} pictures")
    if "--notebook" in sys.argv:
        OUT.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, OUT / FILE.name)
        for number, picture in enumerate(pictures):
            (OUT / f"{number}.png").write_bytes(base64.b64decode(picture))


if __name__ == "__main__":
    main()
