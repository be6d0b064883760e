# SPDX-License-Identifier: MIT OR Apache-2.0
"""Odd files, as people have them, and how ffmpeg and Pillow make them. Not a program: `odd_inputs.py` uses it."""

import random
import subprocess

from document import ROOT
from PIL import Image

CLIP = ROOT / "examples/media/portraits_720p.mp4"
SECONDS = "0.48"
SHORT = ["-t", SECONDS, "-i", CLIP]
SMALL = ["-vf", "scale=640:360"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def ffmpeg(*arguments):
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments]
    done = subprocess.run([str(argument) for argument in command], capture_output=True, check=False)
    return done.returncode == 0


def encoded(*arguments):
    """A maker of a file from a short part of the clip."""
    return lambda path: ffmpeg(*SHORT, *arguments, path)


def video_cases():
    for kind in (
        "yuv420p yuvj420p yuv422p yuv444p yuv440p yuv411p yuv410p gray gray10le gray16le bgr0 gbrp gbrp10le yuva420p "
        "yuva444p yuv420p10le yuv422p10le yuv444p12le rgb48le bgra"
    ).split():
        yield f"layout ffv1 {kind}.mkv", encoded(*SMALL, "-an", "-c:v", "ffv1", "-pix_fmt", kind)
    for codec, extra, suffixes in (
        ("libx264", ["-preset", "ultrafast"], "mp4 mov mkv ts avi flv m4v mxf nut"),
        ("libx265", ["-preset", "ultrafast", "-x265-params", "log-level=error"], "mp4 mkv ts mov"),
        ("mpeg4", [], "avi mp4 mkv mov nut"),
        ("mpeg2video", ["-b:v", "3M"], "mpg ts vob mkv m2ts mxf"),
        ("mpeg1video", ["-b:v", "3M"], "mpg mkv"),
        ("mjpeg", ["-pix_fmt", "yuvj420p"], "avi mov mkv mp4"),
        ("libvpx", ["-deadline", "realtime"], "webm mkv"),
        ("libvpx-vp9", ["-deadline", "realtime", "-cpu-used", "8"], "webm mkv mp4"),
        ("libtheora", [], "ogv mkv"),
        ("prores_ks", ["-profile:v", "2"], "mov mkv"),
        ("prores_ks", ["-profile:v", "4", "-pix_fmt", "yuva444p10le"], "mov"),
        ("huffyuv", [], "avi mkv"),
        ("ffvhuff", [], "avi mkv"),
        ("utvideo", [], "avi"),
        ("rawvideo", ["-pix_fmt", "yuv420p"], "avi mov nut"),
        ("rawvideo", ["-pix_fmt", "bgr24"], "avi"),
        ("rawvideo", ["-pix_fmt", "uyvy422"], "mov"),
        ("wmv2", [], "wmv asf"),
        ("msmpeg4v2", [], "avi"),
        ("msmpeg4", [], "avi"),
        ("flv1", [], "flv"),
        ("jpeg2000", [], "mov mkv"),
        ("png", [], "mov mkv"),
        ("qtrle", [], "mov"),
        ("svq1", [], "mov"),
        ("snow", ["-strict", "-2"], "avi"),
        ("libsvtav1", ["-preset", "12"], "mp4 mkv webm"),
        ("cinepak", [], "avi mov"),
        ("zmbv", [], "avi"),
        ("flashsv", [], "flv"),
        ("h263p", [], "3gp mkv"),
    ):
        for suffix in suffixes.split():
            tag = "-".join([codec, *(word for word in extra if word.startswith(("yuv", "bgr", "uyvy", "4")))])
            yield f"codec {tag}.{suffix}", encoded(*SMALL, "-an", "-c:v", codec, *extra)
    yield "codec h263.3gp", encoded("-vf", "scale=352:288", "-an", "-c:v", "h263")
    yield "codec dnxhd.mov", encoded("-an", "-c:v", "dnxhd", "-b:v", "60M", "-pix_fmt", "yuv422p")
    yield "codec dnxhr.mxf", encoded("-an", "-c:v", "dnxhd", "-profile:v", "dnxhr_sq", "-pix_fmt", "yuv422p")
    yield "codec dv pal.dv", encoded("-target", "pal-dv")
    yield "codec dv ntsc.dv", encoded("-target", "ntsc-dv")
    yield "codec raw h264.h264", encoded(*SMALL, "-an", *H264)
    yield "codec raw hevc.hevc", encoded(*SMALL, "-an", "-c:v", "libx265", "-preset", "ultrafast")
    yield "codec animated.gif", encoded("-vf", "scale=320:180")
    yield "codec animated.apng", encoded("-vf", "scale=320:180", "-f", "apng")
    yield "codec h264 rgb.mkv", encoded(*SMALL, "-an", "-c:v", "libx264rgb", "-preset", "ultrafast")
    yield "codec h264 4:4:4.mp4", encoded(*SMALL, "-an", "-c:v", "libx264", "-pix_fmt", "yuv444p")
    yield "codec h264 10 bit.mp4", encoded(*SMALL, "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p10le")
    yield "codec h264 10 bit 4:2:2 intra.mov", encoded(
        *SMALL, "-an", "-c:v", "libx264", "-pix_fmt", "yuv422p10le", "-g", "1"
    )
    yield "codec b-frames.mkv", encoded(*SMALL, "-c:v", "libx264", "-bf", "3", "-c:a", "copy")
    yield "codec alpha.webm", encoded(
        "-vf", "scale=640:360,format=yuva420p", "-an", "-c:v", "libvpx-vp9", "-deadline", "realtime",
        "-auto-alt-ref", "0"
    )
    for size in "853:479 161:121 1279:719 98:58 64:64 16:16 2:2 2048:64 64:1024 333:77 1920:1080 640:2".split():
        yield f"size {size.replace(':', 'x')}.mkv", encoded("-vf", f"scale={size}", "-an", "-c:v", "ffv1")
    for rate in "601/20 24000/1001 1 5 120 240 1000".split():
        name = f"rate {rate.replace('/', ' ')}.mp4"
        yield name, lambda path, rate=rate: ffmpeg("-t", "2", "-i", CLIP, *SMALL, "-an", "-r", rate, *H264, path)
    yield "rate variable.mp4", lambda path: ffmpeg(
        "-t", "1", "-i", CLIP, "-vf", "scale=640:360,select='not(mod(n,7))+lt(mod(n,5),3)'", "-vsync", "vfr", "-c:a",
        "copy", *H264, path
    )
    for degrees in (90, 180, 270):
        for suffix in ("mp4", "mov"):
            yield f"turned {degrees}.{suffix}", turned(degrees)
    for matrix in ("bt709", "smpte170m", "bt470bg", "bt2020nc", "smpte240m"):
        for span in ("tv", "pc"):
            yield f"colour {matrix} {span}.mp4", encoded(
                *SMALL, "-an", *H264, "-colorspace", matrix, "-color_range", span
            )
    for transfer in ("smpte2084", "arib-std-b67"):
        yield f"colour {transfer}.mov", encoded(
            *SMALL, "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-color_trc", transfer,
            "-color_primaries", "bt2020", "-colorspace", "bt2020nc"
        )
    for ratio in ("64/45", "32/11", "1/2", "2/1"):
        yield f"pixels {ratio.replace('/', ' ')}.mp4", encoded("-vf", f"scale=720:576,setsar={ratio}", "-an", *H264)
    for order in ("interleave_top", "interleave_bottom"):
        yield f"fields {order}.mpg", encoded(
            "-vf", f"fps=50,scale=720:576,tinterlace={order}", "-flags", "+ilme+ildct", "-an", "-c:v", "mpeg2video",
            "-b:v", "6M"
        )
        yield f"fields {order}.mp4", encoded(
            "-vf", f"fps=50,scale=720:576,tinterlace={order}", "-flags", "+ilme+ildct", "-an", *H264
        )


def turned(degrees):
    def make(path):
        plain = path.with_name("plain.mp4")
        made = ffmpeg(*SHORT, *SMALL, *H264, "-c:a", "copy", plain)
        made = made and ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", path)
        plain.unlink(missing_ok=True)
        return made
    return make


def sound_cases():
    for codec, suffixes in (
        ("aac", "mp4 mov mkv ts flv"),
        ("libmp3lame", "mp4 mkv avi mpg"),
        ("ac3", "mp4 mkv ts"),
        ("eac3", "mp4 mkv"),
        ("libopus", "mp4 mkv webm"),
        ("libvorbis", "mkv webm"),
        ("flac", "mkv mp4"),
        ("alac", "mov mp4"),
        ("pcm_s16le", "mov mkv avi"),
        ("pcm_s24le", "mov mkv"),
        ("pcm_f32le", "mov mkv"),
        ("pcm_u8", "avi"),
        ("pcm_alaw", "mkv mov"),
        ("pcm_mulaw", "avi"),
        ("wmav2", "wmv"),
        ("mp2", "mpg ts"),
        ("adpcm_ms", "avi"),
    ):
        for suffix in suffixes.split():
            video = ["-c:v", "libvpx", "-deadline", "realtime"] if suffix == "webm" else H264
            video = ["-c:v", "wmv2"] if suffix == "wmv" else ["-c:v", "mpeg2video"] if suffix == "mpg" else video
            yield f"sound {codec}.{suffix}", encoded(*SMALL, *video, "-c:a", codec, "-strict", "-2")
    for channels in (1, 3, 4, 6, 8):
        yield f"sound {channels} channels.mkv", encoded(*SMALL, *H264, "-c:a", "pcm_s16le", "-ac", str(channels))
        yield f"sound {channels} channels.mov", encoded(*SMALL, *H264, "-c:a", "pcm_s16le", "-ac", str(channels))
    for rate in (8000, 11025, 96000):
        yield f"sound {rate} Hz.mp4", encoded(*SMALL, *H264, "-c:a", "aac", "-ar", str(rate))
    def tone(*more):
        def make(path):
            return ffmpeg(*SHORT, "-f", "lavfi", "-t", "4", "-i", "sine", *SMALL, *more, path)
        return make
    yield "sound longer.mp4", tone("-map", "0:v", "-map", "1:a", *H264, "-c:a", "aac")
    yield "sound longer.mkv", tone("-map", "0:v", "-map", "1:a", *H264, "-c:a", "aac")
    yield "sound two tracks.mp4", tone("-map", "0", "-map", "1", "-t", SECONDS, *H264, "-c:a", "aac")
    yield "sound two tracks.mkv", tone("-map", "0", "-map", "1", "-t", SECONDS, *H264, "-c:a", "aac")
    yield "sound late.mp4", lambda path: ffmpeg(
        *SHORT, "-itsoffset", "0.244", *SHORT, *SMALL, "-map", "0:v", "-map", "1:a", *H264, "-c:a", "copy", path
    )
    yield "sound unknown codec.mp4", lambda path: encoded(*SMALL, *H264, "-c:a", "aac")(path) and replaced(
        path, b"mp4a", b"apac"
    )
    yield "sound alone.m4a", lambda path: ffmpeg(*SHORT, "-vn", "-c:a", "copy", path)
    yield "sound alone.mkv", lambda path: ffmpeg(*SHORT, "-vn", "-c:a", "copy", path)


def replaced(path, old, new):
    data = path.read_bytes()
    at = data.rfind(old)
    path.write_bytes(data[:at] + new + data[at + len(old) :])
    return at >= 0


def stream_cases():
    def with_picture(*arguments):
        def make(path):
            cover = path.with_name("cover.png")
            made = ffmpeg("-i", CLIP, "-frames:v", "1", cover) and ffmpeg(
                *SHORT, *[cover if argument == "COVER" else argument for argument in arguments], path
            )
            cover.unlink(missing_ok=True)
            return made
        return make
    yield "cover.mp4", with_picture(
        "-i", "COVER", "-map", "0", "-map", "1", "-c:a", "copy", *H264, "-c:v:1", "copy",
        "-disposition:v:1", "attached_pic"
    )
    yield "attached.mkv", with_picture("-attach", "COVER", "-metadata:s:t", "mimetype=image/png", "-c:a", "copy", *H264)
    yield "two videos.mp4", lambda path: ffmpeg(*SHORT, *SHORT, "-map", "0:v", "-map", "1:v", *H264, "-an", path)
    yield "two videos.mkv", lambda path: ffmpeg(*SHORT, *SHORT, "-map", "0:v", "-map", "1:v", *H264, "-an", path)
    yield "time code.mov", encoded(*SMALL, *H264, "-timecode", "01:00:00:00")
    tags = ["-metadata", "location=+48.8584+002.2945/", "-metadata", "title=Witness", "-metadata", "comment=home"]
    for suffix in ("mp4", "mov", "mkv"):
        yield f"tags.{suffix}", encoded(*SMALL, *H264, *tags, "-metadata", "make=X", "-metadata", "model=Y")
        yield f"subtitles.{suffix}", with_subtitles("srt" if suffix == "mkv" else "mov_text")
        yield f"chapters.{suffix}", with_chapters
    yield "subtitles ass.mkv", with_subtitles("ass")
    yield "subtitles webvtt.mkv", with_subtitles("webvtt")


def with_subtitles(codec):
    def make(path):
        text = path.with_name("text.srt")
        text.write_text("1\n00:00:00,000 --> 00:00:00,400\nTom & Jerry\n")
        made = ffmpeg(*SHORT, "-i", text, *SMALL, "-map", "0", "-map", "1", *H264, "-c:a", "copy", "-c:s", codec, path)
        text.unlink()
        return made
    return make


def with_chapters(path):
    text = path.with_name("chapters.txt")
    text.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=One\n")
    made = ffmpeg(*SHORT, "-i", text, "-map_metadata", "1", *SMALL, *H264, "-c:a", "copy", path)
    text.unlink()
    return made


def damaged_cases():
    rng = random.Random(7)
    def cut(maker, share):
        def make(path):
            made = maker(path)
            data = path.read_bytes()
            path.write_bytes(data[: int(share * len(data))])
            return made
        return make
    def noisy(maker, count):
        def make(path):
            made = maker(path)
            data = bytearray(path.read_bytes())
            for _ in range(count):
                data[rng.randrange(len(data))] = rng.randrange(256)
            path.write_bytes(data)
            return made
        return make
    plain = encoded(*SMALL, *H264, "-c:a", "aac")
    for suffix in ("mp4", "mkv", "ts", "avi", "flv", "mov"):
        for share in (0.05, 0.3, 0.7, 0.97):
            yield f"cut at {share}.{suffix}", cut(plain, share)
        for count in (3, 300):
            yield f"{count} wrong bytes.{suffix}", noisy(plain, count)
    def written(data):
        return lambda path: path.write_bytes(data) >= 0
    yield "empty.mp4", written(b"")
    yield "noise.mp4", written(bytes(rng.randrange(256) for _ in range(4000)))
    yield "zeros.mkv", written(bytes(4000))
    yield "text.mp4", written(b"this is no video\n" * 40)
    yield "page.mp4", written(b"<!doctype html><html><body>404</body></html>")
    yield "playlist.mp4", written(b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    yield "begins late.ts", lambda path: begins_late(path)
    yield "size changes.ts", lambda path: size_changes(path)
    yield "fragments.mp4", encoded(*SMALL, *H264, "-movflags", "frag_keyframe+empty_moov")
    yield "one fragment.mp4", encoded(*SMALL, *H264, "-g", "999", "-movflags", "frag_keyframe+empty_moov")
    yield "no duration.webm", lambda path: live(path)
    yield "copied from within.mp4", lambda path: ffmpeg("-ss", "1.3", "-i", CLIP, "-t", "0.8", "-c", "copy", path)
    yield "clock wraps.ts", encoded(*SMALL, *H264, "-muxdelay", "0", "-output_ts_offset", "95443.5")


def begins_late(path):
    made = encoded("-g", "100", *SMALL, *H264)(path)
    data = path.read_bytes()
    path.write_bytes(data[188 * (len(data) // 188 // 4) :])
    return made


def size_changes(path):
    data = b""
    for size in ("640x360", "320x180"):
        if not ffmpeg(*SHORT, "-s", size, *H264, path):
            return False
        data += path.read_bytes()
    path.write_bytes(data)
    return True


def live(path):
    command = ["ffmpeg", "-v", "error", *map(str, SHORT), *SMALL, "-c:v", "libvpx", "-deadline", "realtime"]
    command += ["-c:a", "libopus", "-f", "webm", "-live", "1", "pipe:1"]
    with path.open("wb") as file:
        return subprocess.run(command, stdout=file, check=False).returncode == 0


def picture_cases():
    def saved(mode, **options):
        def make(path):
            frame = path.with_name("frame.png")
            made = ffmpeg("-i", CLIP, "-frames:v", "1", frame)
            Image.open(frame).convert(mode).save(path, **options)
            frame.unlink()
            return made
        return make
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"):
        yield f"picture {mode}.png", saved(mode)
    for mode in ("RGB", "L", "CMYK"):
        yield f"picture {mode}.jpg", saved(mode)
    yield "picture progressive.jpg", saved("RGB", progressive=True)
    yield "picture lossless.webp", saved("RGB", lossless=True)
    yield "picture alpha.webp", saved("RGBA")
    for suffix in ("gif", "bmp", "tiff", "ico", "ppm"):
        yield f"picture RGB.{suffix}", saved("RGB")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274], exif[271] = orientation, "Cam"
        yield f"picture exif {orientation}.jpg", saved("RGB", exif=exif)
    yield "picture heic.heic", lambda path: path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)) > 0
    for suffix in ("png", "jpg", "webp"):
        def half(path):
            made = saved("RGB")(path)
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2])
            return made
        yield f"picture half.{suffix}", half


def name_cases():
    plain = encoded(*SMALL, "-an", *H264, "-f", "mp4")
    names = ("two words.mp4", "GH01.MP4", "-x y.mp4", "no suffix", "wrong.jpg", "a.b.c.mp4", "ünï.mp4", "new\nline.mp4")
    for name in names:
        yield f"name {name}", plain
