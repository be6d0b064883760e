# SPDX-License-Identifier: MIT OR Apache-2.0
# ruff: noqa: UP031 (braces of JSON)
"""What the test of the page opens: analyses, pages and a video."""
import base64
import json
import struct
import subprocess
import zlib
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "crates/advjnd-cli/src/analyze/page"
PARTS = {"/*STYLE*/": ["page.css"], "/*SCRIPT*/": ["document.js", "view.js", "actions.js"]}
WIDTH, HEIGHT, FRAMES, RATE = 640, 360, 60, 30
LANDMARKS = "[[10.0,1e1],[2.50,3.0],[4,5],[6.25,7.125],[8.0,9.99]]"


def template():
    """The page without an analysis, as the program puts it together."""
    page = (PAGE / "page.html").read_text()
    for mark, names in PARTS.items():
        page = page.replace(mark, "".join((PAGE / name).read_text() for name in names))
    return page


def face(frame, x, y):
    return ('{"frame": %d, "box": [%s.0, %d.50, 80.0, 96.25], "landmarks": %s, "score": 0.910}'
            % (frame, x, y, LANDMARKS if frame % 2 else "null"))


def track(number, person, first, last, x, y):
    faces = ",\n   ".join(face(frame, x + frame, y) for frame in range(first, last + 1))
    return ('{"id": %d, "person": %d, "struck": false, "quality": 0.930,\n  "faces": [%s]}'
            % (number, person, faces))


def person(number, name, action):
    return ('{"id": %d, "name": %s, "action": "%s", "quality": 1.0, '
            '"best": {"frame": 3, "box": [1.0, 2.50, 3e1, 40]}, "thumbnail": %s}'
            % (number, json.dumps(name), action, '"clip.faces/person-1.png"' if number == 1 else "null"))


def analysis():
    """Written by hand, with numbers and spaces that JSON.stringify would not keep."""
    times = ", ".join(f"{frame / RATE:.4f}" for frame in range(FRAMES))
    people = [person(1, "", "protect"), person(2, 'Zoë "</script><b>" \\ 1.0', "cover"), person(3, "", "protect")]
    tracks = [track(1, 1, 0, 40, 40, 60), track(2, 2, 5, 59, 200, 120), track(3, 3, 20, 59, 380, 40),
              track(4, 3, 0, 8, 450, 200)]
    return ('{"format": "advjnd-faces",\n "version": 1, "program": "advjnd 0.1.0",\n'
            ' "source": {"name": "my.clip.mp4", "sha256": "%s", "width": %d, "height": %d},\n'
            ' "times": [%s],\n "people": [\n  %s],\n "tracks": [\n  %s],\n'
            ' "boxes": [{"first": 10, "last": 40, "box": [500.0, 250.0, 100.50, 90.0], "note": "a, ]}\\" b"}]\n}\n'
            % ("ab" * 32, WIDTH, HEIGHT, times, ",\n  ".join(people), ",\n  ".join(tracks)))


def tiny_png():
    rows = b"".join(b"\0" + bytes([200, 120 + y * 8, 60]) * 8 for y in range(8))
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                                    + struct.pack(">I", zlib.crc32(kind + data)))
    png = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
           + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return "data:image/png;base64," + base64.b64encode(png).decode()


def make_page(folder, text):
    page = template()
    assert page.count("/*FACES*/") == 1 and page.count("/*THUMBNAILS*/") == 1
    page = page.replace("/*FACES*/", text.replace("<", "\\u003c"))
    page = page.replace("/*THUMBNAILS*/", json.dumps({"1": tiny_png()}).replace("<", "\\u003c"))
    path = folder / "review.html"
    path.write_text(page)
    return path.as_uri()


def make_video(path, size=f"{WIDTH}x{HEIGHT}"):
    """The brightness tells the frame: Y = 16 + 3 * frame."""
    source = f"nullsrc=s={size}:r={RATE}:d={FRAMES / RATE},format=yuv420p"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-vf", "geq=lum='16+3*N':cb=128:cr=128",
                    "-c:v", "libx264", "-qp", "4", "-threads", "1", str(path)], check=True)
