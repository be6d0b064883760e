# SPDX-License-Identifier: MIT OR Apache-2.0
"""docs/python.md: its code runs, from top to bottom, and does what the text says."""

import re

from conftest import ROOT


def test_the_page_runs(frames, portraits, capsys):
    page = (ROOT / "docs/python.md").read_text()
    blocks = re.findall(r"<!-- runs -->\n```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) == 3 == page.count("```python")
    names = {"frames": frames[:2, 200:600, 200:600], "images": portraits}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["protected"].shape == names["frame"].shape == (400, 400, 3)
    assert names["adversarial"].shape == portraits.shape and (names["clean"] != names["found"]).any()
    printed = capsys.readouterr().out
    assert " protected (" in printed and "'hvs-sd'" in printed and "'mi-fgsm'" in printed
