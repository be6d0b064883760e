# SPDX-License-Identifier: MIT OR Apache-2.0
"""webrtc_client.py WEBRTC_PY: starts examples/webrtc.py on a test picture, posts an offer as a browser would, and takes
frames.

Says how many frames were received, or fails.
"""

import queue
import subprocess
import sys
import threading
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

SOURCE = "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120,framerate=10/1"
FRAMES, SECONDS = 5, 240


def call(peer, signal, argument, field=None):
    promise = Gst.Promise.new()
    peer.emit(signal, argument, promise)
    assert promise.wait() == Gst.PromiseResult.REPLIED, signal
    reply = promise.get_reply()
    value = reply.get_value(field) if field else None
    return value and value.copy()


def receive(address):
    pipeline, frames, gathered = Gst.Pipeline.new(None), queue.Queue(), threading.Event()
    peer = Gst.ElementFactory.make("webrtcbin", "peer")
    peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
    pipeline.add(peer)

    def pad_added(_, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        branch = Gst.parse_bin_from_description(
            "rtph264depay ! avdec_h264 ! fakesink name=sink sync=false signal-handoffs=true", True
        )
        branch.get_by_name("sink").connect("handoff", lambda *_: frames.put(1))
        pipeline.add(branch)
        branch.sync_state_with_parent()
        pad.link(branch.get_static_pad("sink"))

    def gathering(*_):
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            gathered.set()

    peer.connect("pad-added", pad_added)
    peer.connect("notify::ice-gathering-state", gathering)
    pipeline.set_state(Gst.State.PLAYING)
    caps = Gst.Caps.from_string(
        "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000,packetization-mode=(string)1"
    )
    peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)
    call(peer, "set-local-description", call(peer, "create-offer", None, "offer"))
    assert gathered.wait(SECONDS), "no candidates"
    offer = peer.get_property("local-description").sdp.as_text()
    answer = urllib.request.urlopen(address + "offer", data=offer.encode(), timeout=SECONDS).read().decode()
    _, sdp = GstSdp.SDPMessage.new_from_text(answer)
    call(peer, "set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp))
    for _ in range(FRAMES):
        frames.get(timeout=SECONDS)
    pipeline.set_state(Gst.State.NULL)


def main():
    Gst.init(None)
    program = [sys.executable, sys.argv[1], "--port", "0", "--source", SOURCE]
    server = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        page = urllib.request.urlopen(address, timeout=SECONDS).read()
        assert b"RTCPeerConnection" in page
        receive(address)
        print(f"{FRAMES} frames received")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
