# SPDX-License-Identifier: MIT OR Apache-2.0
"""The whole way of a clip: analyze, keep one person on the page, protect, verify; and what must not pass.

    build/page/bin/python tools/review_page/whole_way.py --program target/release/advjnd --other OTHER CLIP...

Needs what `make test-page` needs. For each clip, the person who is in most frames is kept on the page, in Chromium. The
protected clip must pass for all others. It must fail when one frame is replaced by its clean twin, when a face is shown
for three frames, when the file is the original; and with another clip as the original it must be refused.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
PASS, REFUSED, FAIL = 0, 1, 4


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def keep_first_person(page_file, saved):
    """Sets person 1 to `keep` on the page, and saves what it downloads."""
    # Not needed to say what the program takes.
    from playwright.sync_api import sync_playwright

    errors = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_file.as_uri())
        page.select_option("#action-1", "keep")
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(saved)
        browser.close()
    # The browser itself reports that no video lies beside the page; no script can keep it from that.
    return [error for error in errors if "ERR_FILE_NOT_FOUND" not in error]


def errors_of(page_file):
    """What a page complains of."""
    from playwright.sync_api import sync_playwright

    errors = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_file.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            errors.append("the page is wider than a phone")
        browser.close()
    return errors


def with_clean_frames(protected, clean, first, last, output):
    """`protected`, with these frames as they are in `clean`; without loss."""
    when = f"enable='between(n,{first},{last})'"
    mix = f"[1:v]format=yuv420p[c];[0:v]format=yuv420p[p];[p][c]overlay=format=yuv420:{when}"
    code, said = run("ffmpeg", "-v", "error", "-y", "-i", protected, "-i", clean, "-filter_complex", mix,
                     "-fps_mode", "passthrough", "-c:v", "ffv1", output)
    if code:
        sys.exit(f"ffmpeg: {said}")


def whole_way(program, clip, other, folder):
    faces, saved = folder / "clip.faces.json", folder / "saved.faces.json"
    protected, leaky = folder / "protected.mkv", folder / "leaky.mkv"
    results = []

    def check(what, code, wanted, said):
        results.append(code == wanted)
        print(f"{'ok  ' if code == wanted else 'WRONG'} {clip.name}: {what}: exit code {code}, wanted {wanted}")
        if code != wanted:
            print(said)

    check("analyze", *run(program, "analyze", clip, "-o", faces)[:1], PASS, "")
    errors = keep_first_person(folder / "clip.faces-clean-faces" / "review.html", saved)
    check("the page says no error", len(errors), 0, errors)
    analysis = json.loads(saved.read_text())
    frames = len(analysis["times"])
    print(f"     {clip.name}: {frames} frames, {len(analysis['people'])} people, person 1 is kept")
    code, said = run(program, "protect", clip, "--faces", saved, "--lossless", "-o", protected)
    check("protect", code, PASS, said)

    def verify(file, original=clip):
        return run(program, "verify", file, "--original", original, "--faces", saved)

    report = folder / "report.html"
    code, said = run(program, "verify", protected, "--original", clip, "--faces", saved, "--report", report)
    check("the protected clip", code, PASS, said)
    errors = errors_of(report)
    check("the report says no error, on a phone", len(errors), 0, errors)
    print("     " + said.replace("\n", "\n     "))
    middle = frames // 2 + 1
    for what, last in [("one clean frame", middle), ("three clean frames", middle + 2)]:
        with_clean_frames(protected, clip, middle, last, leaky)
        code, said = verify(leaky)
        check(what, code, FAIL, said)
    check("the original itself", *verify(clip)[:1], FAIL, "")
    code, said = run(program, "verify", protected, "--original", other)
    check("another clip", code, REFUSED, said)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=Path("target/release/advjnd"))
    parser.add_argument("--other", type=Path, required=True, help="a clip that is none of the others")
    parser.add_argument("clips", type=Path, nargs="+")
    arguments = parser.parse_args()
    results = []
    for clip in arguments.clips:
        with tempfile.TemporaryDirectory(prefix="advjndprotect-") as folder:
            results += whole_way(arguments.program, clip, arguments.other, Path(folder))
    print(f"{sum(results)} of {len(results)} as wanted")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
