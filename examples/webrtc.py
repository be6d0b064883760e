#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""webrtc.py [--source PIPELINE] [--port N]: shows a protected camera in a browser.

Serves one page; every browser that opens it posts its offer and gets the answer, all candidates included, back. One
pipeline serves all of them, and starts with the first. The plugin must be where GStreamer finds it (GST_PLUGIN_PATH).
Needs Debian's python3-gi, gir1.2-gst-plugins-bad-1.0 and gstreamer1.0-nice. For others than this machine to connect,
put a web server with TLS in front, and give --host 0.0.0.0.
"""

import argparse
import http.server
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

PAGE = b"""<!doctype html><meta charset=utf-8><title>protected</title><video autoplay muted playsinline></video><script>
(async () => {
  const peer = new RTCPeerConnection();
  peer.ontrack = event => document.querySelector("video").srcObject = event.streams[0];
  peer.addTransceiver("video", {direction: "recvonly"});
  await peer.setLocalDescription(await peer.createOffer());
  while (peer.iceGatheringState != "complete") await new Promise(next => peer.onicegatheringstatechange = next);
  const answer = await fetch("/offer", {method: "POST", body: peer.localDescription.sdp});
  await peer.setRemoteDescription({type: "answer", sdp: await answer.text()});
})();
</script>"""
ENCODE = "x264enc tune=zerolatency bitrate=2500 key-int-max=50 ! video/x-h264,profile=constrained-baseline ! h264parse"
PAY = (
    "rtph264pay config-interval=-1 aggregate-mode=zero-latency"
    " ! application/x-rtp,media=video,encoding-name=H264,payload="
)
SECONDS = 30  # for a step of the negotiation


def h264_payload(sdp):
    """The number that an offer gives to H.264 in packets of any size, of a profile that every decoder has."""
    media = next(sdp.get_media(i) for i in range(sdp.medias_len()) if sdp.get_media(i).get_media() == "video")
    formats = [media.get_format(i) for i in range(media.formats_len())]
    for number in formats:
        caps = media.get_caps_from_media(int(number))
        fields = caps.get_structure(0) if caps else None
        if (
            fields
            and fields.get_string("encoding-name") == "H264"
            and fields.get_string("packetization-mode") in ("1", None)
        ):
            return int(number)
    raise ValueError("the offer has no H.264")


class Stream:
    """The pipeline, and a branch of it for every browser."""

    def __init__(self, source):
        self.pipeline = Gst.parse_launch(
            f"{source} ! queue leaky=downstream max-size-buffers=1 ! advjndprotect ! queue ! {ENCODE}"
            " ! tee name=all allow-not-linked=true"
        )
        self.lock = threading.Lock()

    def answer(self, offer):
        """The answer to an offer, when all candidates are in it."""
        status, sdp = GstSdp.SDPMessage.new_from_text(offer)
        if status != GstSdp.SDPResult.OK:
            raise ValueError("the offer is no session description")
        branch = Gst.parse_bin_from_description(
            f"queue name=in leaky=downstream ! {PAY}{h264_payload(sdp)} ! webrtcbin name=peer bundle-policy=max-bundle",
            False,
        )
        branch.add_pad(Gst.GhostPad.new("sink", branch.get_by_name("in").get_static_pad("sink")))
        peer, gathered = branch.get_by_name("peer"), threading.Event()

        def gathering(*_):
            if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
                gathered.set()

        peer.connect("notify::ice-gathering-state", gathering)
        with self.lock:
            self.pipeline.add(branch)
            self.pipeline.get_by_name("all").request_pad_simple("src_%u").link(branch.get_static_pad("sink"))
            self.pipeline.set_state(Gst.State.PLAYING)
        call(peer, "set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, sdp))
        call(peer, "set-local-description", call(peer, "create-answer", None, "answer"))
        if not gathered.wait(SECONDS):
            raise TimeoutError("no candidates")
        return peer.get_property("local-description").sdp.as_text()


def call(peer, signal, argument, field=None):
    """The field of what a signal of webrtcbin promises."""
    promise = Gst.Promise.new()
    peer.emit(signal, argument, promise)
    if promise.wait() != Gst.PromiseResult.REPLIED:
        raise RuntimeError(f"{signal} failed")
    # The reply is the promise's and goes with it, hence a copy.
    reply = promise.get_reply()
    value = reply.get_value(field) if field else None
    return value and value.copy()


def handler(stream):
    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self, code, kind, body):
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.reply(200, "text/html", PAGE)

        def do_POST(self):
            offer = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20)).decode("utf-8", "replace")
            try:
                self.reply(200, "application/sdp", stream.answer(offer).encode())
            except (ValueError, RuntimeError, TimeoutError) as error:
                self.reply(400, "text/plain", str(error).encode())

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--source", default="v4l2src ! videoconvert ! video/x-raw,format=I420", help="what stands before the element"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    args = parser.parse_args()
    Gst.init(None)
    server = http.server.ThreadingHTTPServer((args.host, args.port), handler(Stream(args.source)))
    print(f"http://{args.host}:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
