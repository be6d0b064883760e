#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""appsink.py CLIP: takes protected frames into a program, and prints what the element did to the faces of each.

The plugin must be where GStreamer finds it (GST_PLUGIN_PATH). Needs Debian's python3-gi and
gir1.2-gst-plugins-base-1.0.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstApp, GstVideo  # noqa: E402, F401

# RGB in front of the element: videoconvert behind it would lose what the metas say.
PIPELINE = """filesrc name=file ! decodebin ! videoconvert ! videoflip video-direction=auto
    ! video/x-raw,format=RGB ! advjndprotect
    ! appsink name=frames sync=false max-buffers=4"""


def faces(buffer):
    """Number, rectangle and verdict of every face of a buffer. (PyGObject cannot walk over metas: they are asked by
    number.)"""
    found = []
    for number in range(1000):
        meta = GstVideo.buffer_get_video_region_of_interest_meta_id(buffer, number)
        if meta is None:
            if number > 50:
                break
            continue
        param = meta.get_param("advjndprotect")
        found.append((number, (meta.x, meta.y, meta.w, meta.h), param.get_string("verdict")))
    return found


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: appsink.py CLIP")
    Gst.init(None)
    pipeline = Gst.parse_launch(PIPELINE)
    pipeline.get_by_name("file").set_property("location", sys.argv[1])
    frames = pipeline.get_by_name("frames")
    pipeline.set_state(Gst.State.PLAYING)
    while (sample := frames.pull_sample()) is not None:
        buffer, caps = sample.get_buffer(), sample.get_caps().get_structure(0)
        width, height = caps.get_value("width"), caps.get_value("height")
        print(f"{buffer.pts / Gst.SECOND:.3f} s {width}x{height}")
        for number, rectangle, verdict in faces(buffer):
            print(f"  face {number} at {rectangle}: {verdict}")
    error = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if error is not None:
        raise SystemExit(error.parse_error().gerror.message)


if __name__ == "__main__":
    main()
