# SPDX-License-Identifier: MIT OR Apache-2.0
"""Face protection under a just-noticeable-difference budget, visibility thresholds, and published attacks.

Pictures are NumPy arrays of uint8, R'G'B', 0 to 255, shape (height, width, 3). No function changes an array it is
given. All work is done without Python's lock. An array of another type raises TypeError, one of another shape or
with a value out of range ValueError, a file that cannot be read OSError, a damaged model RuntimeError.
"""

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__version__: str

class UnprotectedError(RuntimeError):
    """A face of the frame is not protected, and the fail policy is "error". The frame must not go out."""

class Face:
    """One face of a frame."""

    @property
    def id(self) -> int:
        """Number of its track, the same from frame to frame until `reset`."""
    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height, pixels, as detected or predicted. May reach outside the frame."""
    @property
    def landmarks(self) -> list[tuple[float, float]]:
        """x and y of the eyes (left of the picture first), the nose and the corners of the mouth, pixels."""
    @property
    def score(self) -> float:
        """Score of the detector, 0 to 1; 0 where the face was predicted."""
    @property
    def verdict(self) -> str:
        """What became of it: "protected", or "covered-" and the reason."""
    @property
    def protected(self) -> bool:
        """Whether the verdict is "protected". It speaks of the recognisers that were attacked, of no other."""
    @property
    def region(self) -> tuple[int, int, int, int]:
        """Left, top, width and height, pixels: every pixel that was changed for this face lies in it."""
    @property
    def margin(self) -> float:
        """How far the face lies beyond the verification threshold, least of all recognisers; above 0: not the same
        person. Of a cosine similarity (threshold - similarity) / (1 - threshold), of a distance
        (distance - threshold) / threshold. 0 where it was not checked."""
    @property
    def similarity_before(self) -> float:
        """Cosine similarity of the untouched face to the clean embedding of its track, -1 to 1."""
    @property
    def similarity_after(self) -> float:
        """The same of the face in the output, highest of all recognisers, -1 to 1."""
    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio of the change, decibels of luma inside the face's oval, at most 100; 0 where
        nothing was written."""
    @property
    def jnd(self) -> float:
        """Root mean square of the change, in just-noticeable differences; 0 where nothing was written."""
    @property
    def iterations(self) -> int:
        """Gradient iterations in this frame."""

class Report:
    """The faces of a frame, as a sequence, oldest track first."""

    @property
    def faces(self) -> list[Face]:
        """All of them."""
    @property
    def fault(self) -> str | None:
        """A computation that failed. What it touched is covered: the face, or if the detector failed the frame."""
    @property
    def late(self) -> bool:
        """Whether the frame took longer than it may; always False where `live` is False."""
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Face: ...

class Protector:
    """Protects the faces of one stream of frames.

    It follows faces from frame to frame: give the frames of one stream, in their order. Use one protector for each
    stream. A protector may be used by several threads; frames then wait for each other. The same frames and seed give
    the same bytes where `live` is False.

    preset: how much is seen against how much is stopped, one of `presets()`.
    recognizers: names of those that are attacked and that check the output; None: all that the models mark.
    models: folder with a manifest.toml; None: the models that are built in.
    live: whether a frame has a deadline, a share of 1 / frame_rate; a face that is not checked by then is covered.
    frame_rate: frames a second, above 0. It gives the deadline, and for how many frames a lost face stays covered.
    mode: "cover" covers every face in place of protecting it.
    fail_policy: what happens to a face that is not protected: covered in one of three ways, or `process` raises
        UnprotectedError. Retrained networks read faces that are pixelated or blurred.
    max_iterations: gradient iterations for a face and frame at most; None: 60, or 4 where `live` is True.
    threads: 0: one for each core.
    seed: 0 to 2**64 - 1, start of the random numbers.

    Raises ValueError where a name or value is none of these, RuntimeError where a recogniser is unknown or a model
    damaged, OSError where a file cannot be read.
    """

    def __init__(
        self,
        preset: str = "balanced",
        recognizers: Sequence[str] | None = None,
        models: str | PathLike[str] | None = None,
        *,
        live: bool = False,
        frame_rate: float = 30.0,
        mode: Literal["protect", "cover"] = "protect",
        fail_policy: Literal["fill", "pixelate", "blur", "error"] = "fill",
        max_iterations: int | None = None,
        threads: int = 0,
        seed: int = 0,
    ) -> None: ...
    def process(self, frame: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Report]:
        """Protects or covers every face that is found in a frame; one that is not found passes.

        frame: uint8 (height, width, 3), RGB. It stays as it is. A frame of another size than the last ends every track.

        Returns a new frame of the same shape, and what became of the faces.

        Raises TypeError or ValueError for another array, UnprotectedError by the fail policy, RuntimeError where a
        computation fails for good. Where it raises, it returns no frame: do not send the one you gave in its place.
        """
    def reset(self) -> None:
        """Ends every track: call it after a seek or a cut. People are remembered."""

class Recognizer:
    """A face recogniser: what it takes, and how its embeddings are compared."""

    @property
    def name(self) -> str:
        """Name to choose it by."""
    @property
    def chip_size(self) -> int:
        """Side of its square chip, pixels."""
    @property
    def embedding_len(self) -> int:
        """Length of an embedding."""
    @property
    def metric(self) -> Literal["cosine", "euclidean"]:
        """How embeddings are compared."""
    @property
    def threshold(self) -> float:
        """The same person at or above this cosine similarity, or at or below this Euclidean distance."""
    @property
    def false_accept_rate(self) -> float:
        """Share of pairs of different people taken for one at that threshold, 0 to 1."""
    @property
    def template(self) -> NDArray[np.float32]:
        """float32 (5, 2), pixels: where a chip has the eyes (left first), the nose and the corners of the mouth."""

def jnd(image: NDArray[np.uint8], model: str = "rgb", *, calibrated: bool = False) -> NDArray[np.float32]:
    """How much the luma of each pixel may change before an eye sees it.

    image: uint8, RGB (height, width, 3) or luma (height, width), at least one pixel.
    model: one of `jnd_models()`.
    calibrated: times the factor by which thresholds of all models mean the same, as the protector uses them.

    Returns float32 (height, width), code values (of 255), never negative.

    Raises ValueError where the model or the shape is another, TypeError where the type is.
    """

def attack(
    images: NDArray[Any],
    method: str = "pgd",
    *,
    recognizer: str = "mobilefacenet",
    goal: Literal["dodge", "impersonate"] = "dodge",
    references: NDArray[np.float32] | None = None,
    eps: float | None = None,
    alpha: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    aligned: bool = False,
    models: str | PathLike[str] | None = None,
    threads: int = 0,
) -> NDArray[Any]:
    """Adversarial images against a recogniser, by a published attack.

    images: uint8 (count, height, width, 3), RGB. The largest face of each, 40 pixels or more, is found and attacked
        through its alignment; all other pixels stay. With aligned=True: chips (count, chip_size, chip_size, 3), uint8,
        or float32 in 0 to 1.
    method: one of `methods()`.
    recognizer: name of the one that is attacked, of `recognizers()`.
    goal: "dodge": not to be recognised as the references; "impersonate": to be taken for them.
    references: float32 (count, embedding_len), from `embed`, one for each image; None: that of the clean image, for
        dodging only.
    eps: largest change of a sample, above 0, where white is 1; None: what the method has (8/255). Methods whose bound
        is another refuse it. A change of uint8 images is rounded besides.
    alpha: size of a step, in the same unit; None: what the method has. "advjnd" takes both as means over the samples.
    steps: gradient steps of an attempt, at least 1; None: what the method has.
    seed: 0 to 2**64 - 1, start of the random numbers.
    models: folder with a manifest.toml; None: the models that are built in.
    threads: 0: one for each core.

    Returns an array of the shape and type of images. An attack may fail: compare embeddings with the threshold.

    Raises ValueError where a picture has no face, and where a name, shape or value is another; TypeError where a type
    is; RuntimeError where the recogniser is unknown.
    """

def embed(
    images: NDArray[Any],
    *,
    recognizer: str = "mobilefacenet",
    aligned: bool = False,
    models: str | PathLike[str] | None = None,
    threads: int = 0,
) -> NDArray[np.float32]:
    """Embeddings of the largest face of each picture, or with aligned=True of chips; images as `attack` takes them.

    Returns float32 (count, embedding_len), not normalised. Raises as `attack` does.
    """

def recognizers(models: str | PathLike[str] | None = None) -> list[Recognizer]:
    """The recognisers of a folder of models, or of those that are built in. Raises OSError or RuntimeError where the
    folder has no valid manifest."""

def methods() -> list[str]:
    """Names of the attacks: what is known of each stands in `advjnd_lab::attack::recipes::rows`."""

def presets() -> list[str]:
    """Names of the presets of `Protector`."""

def jnd_models() -> list[str]:
    """Names of the models of `jnd`."""
