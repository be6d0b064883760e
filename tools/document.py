# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tables in documents, and the machine's name. Not a program: the programs beside it use it."""

import platform
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def splice(path, mark, body):
    """Puts `body` between the lines `<!-- mark -->` and `<!-- /mark -->` of a document, in place of what is there."""
    opening, closing = f"<!-- {mark} -->\n", f"<!-- /{mark} -->\n"
    before, found, rest = path.read_text().partition(opening)
    _, ended, after = rest.partition(closing)
    if not (found and ended):
        raise SystemExit(
            f"{path}: there are no lines {opening.strip()} and {closing.strip()} to put the tables between"
        )
    path.write_text(before + opening + body.rstrip("\n") + "\n" + closing + after)


def table(head, rows):
    """A table: text in the first column, numbers in the others."""
    align = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [head, align, *rows])


def processor():
    """The processor's name, as Linux tells it."""
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return names[0] if names else platform.machine()
