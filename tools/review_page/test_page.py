# SPDX-License-Identifier: MIT OR Apache-2.0
"""The page on which analyses are reviewed, in headless Chromium.

    make test-page

Needs Playwright for Python, Debian's chromium and ffmpeg. SHOTS names a folder for pictures of the page.
"""
import json
import os
import re
import tempfile
from pathlib import Path

from files import FRAMES, HEIGHT, RATE, WIDTH, analysis, make_page, make_video, template
from playwright.sync_api import sync_playwright
from tester import Tester, tab_to, type_number, value, wait_until

SHOTS = Path(os.environ.get("SHOTS", tempfile.gettempdir())) / "advjnd-review-page"
CHROMIUM = "/usr/bin/chromium"


def bare_page(folder):
    path = folder / "bare.html"
    path.write_text(template())
    return path.as_uri()


def exact(text):
    """JSON with the numbers as they are written and the keys in order."""
    return json.loads(text, parse_float=lambda t: ("num", t), parse_int=lambda t: ("num", t),
                      object_pairs_hook=lambda pairs: [list(pair) for pair in pairs])


def put(pairs, key, value):
    next(pair for pair in pairs if pair[0] == key)[1] = value


def get(pairs, key):
    return next(pair[1] for pair in pairs if pair[0] == key)


def box_pairs(first, last, box):
    def number(n):
        return ("num", str(n))
    return [["first", number(first)], ["last", number(last)], ["box", [number(n) for n in box]], ["note", ""]]


def test_reading(t, page):
    t.check("three people are listed", page.locator("#cards > .card").count() == 3)
    t.check("a hostile name is only text", value(page, "#name-2") == 'Zoë "</script><b>" \\ 1.0')
    t.check("thumbnail and initial", page.locator("#card-1 img.thumb").count() == 1
            and page.locator("#card-2 span.thumb").inner_text() == "Z")
    t.check("frames are counted", "49 frames in 2 tracks" in page.locator("#card-3 summary").inner_text())
    t.check("the frame has the right shape", abs(page.eval_on_selector(
        "#stage", "node => node.clientWidth / node.clientHeight") - WIDTH / HEIGHT) < 0.02)


def test_labels(t, page):
    bare = page.evaluate("""[...document.querySelectorAll('button, input, select')].filter((node) =>
        !(node.ariaLabel || node.labels?.length || node.textContent.trim())).map((node) => node.id)""")
    t.check("every control has a label", not bare, bare)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    t.check("ids are unique", len(ids) == len(set(ids)))


def test_tab_order(t, page):
    seen = t.walk(page)
    for wanted in ["open", "pick", "slider", "back", "play", "next", "lane-1", "lane-boxes", "name-1", "action-1",
                   "into-1", "merge-1", "strike-1", "go-4", "strike-4", "add-box", "draw", "x-0", "last-0", "note-0",
                   "delete-0", "save"]:
        t.check(f"Tab reaches {wanted}", wanted in seen, seen)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    t.check("the focus is visible", outline == "3px", outline)


def test_untouched(t, page):
    tab_to(page, "save")
    name, text = t.save(page)
    t.check("the file is named after the source", name == "my.clip.faces.json", name)
    t.check("unedited, it is saved byte for byte", text == t.text)


def test_keys(t, page):
    page.evaluate("document.activeElement.blur()")
    for key, frame in [(".", 1), (".", 2), (",", 1), (",", 0), (",", 0)]:
        page.keyboard.press(key)
        t.check(f"key {key} leads to frame {frame}", value(page, "#slider") == str(frame))
    page.keyboard.press("Space")
    t.check("space plays", page.inner_text("#play") == "Pause")
    wait_until(page, "document.getElementById('slider').value > 10")
    page.keyboard.press("Space")
    frame = value(page, "#slider")
    page.wait_for_timeout(200)
    t.check("space pauses", page.inner_text("#play") == "Play" and value(page, "#slider") == frame)
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "lane-3")
    page.keyboard.press("Enter")
    t.check("a lane's button goes to the next place", value(page, "#slider") == "20", value(page, "#slider"))
    bar = page.locator(".lane").nth(1).locator(".bar").bounding_box()
    page.mouse.click(bar["x"] + bar["width"] * 10.5 / FRAMES, bar["y"] + 5)
    t.check("a click on a bar goes there", value(page, "#slider") == "10", value(page, "#slider"))


def test_edits(t, page):
    """Keyboard only, but for the drag."""
    expected = exact(t.text)
    people, tracks, boxes = (get(expected, key) for key in ("people", "tracks", "boxes"))
    tab_to(page, "name-1")
    page.keyboard.type("A.,na")
    put(people[0], "name", "A.,na")
    t.check("full stop and comma in a name do not step", value(page, "#slider") == "10")
    tab_to(page, "action-3")
    page.keyboard.press("k")
    put(people[2], "action", "keep")
    t.check("keep warns", page.locator("#warn-3").is_visible() and "recognisable" in page.inner_text("#status"))
    tab_to(page, "strike-4")
    page.keyboard.press("Space")
    put(tracks[3], "struck", True)
    t.check("a struck track does not count", "40 frames in 2 tracks" in page.locator("#card-3 summary").inner_text())
    tab_to(page, "add-box")
    page.keyboard.press("Enter")
    t.check("the new box has the focus", page.evaluate("document.activeElement.id") == "x-1")
    for key, number in [("x-1", 100), ("y-1", 50), ("w-1", 9999), ("h-1", 60), ("first-1", 12), ("last-1", 34)]:
        type_number(page, key, number)
    tab_to(page, "note-1")
    boxes.append(box_pairs(12, 34, [100, 50, 540, 60]))
    t.check("too wide a box is cut to the video", value(page, "#w-1") == "540")
    drag(page, (64, 36), (192, 180))
    boxes.append(box_pairs(10, 59, [64, 36, 128, 144]))
    t.check("the drawn box is listed", page.locator("#boxes > .card").count() == 3)
    t.check("unsaved changes are told", "Not saved" in page.inner_text("#summary") and leaves_with_question(page))
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "save")
    _, text = t.save(page)
    t.check("exactly these edits are saved", exact(text) == expected, text[-900:])
    t.check("the old parts are the same text", text.startswith(t.text[:t.text.index('"people"')])
            and '[500.0, 250.0, 100.50, 90.0]' in text)
    t.check("saved is saved", "Not saved" not in page.inner_text("#summary"))


def leaves_with_question(page):
    return page.evaluate("!window.dispatchEvent(new Event('beforeunload', {cancelable: true}))")


def drag(page, start, end):
    """From one point of the video to another, with the mouse."""
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    def point(p):
        return (box["x"] + p[0] * box["width"] / WIDTH, box["y"] + p[1] * box["height"] / HEIGHT)
    page.mouse.move(*point(start))
    page.mouse.down()
    page.mouse.move(*point((start[0] + 9, start[1] + 9)))
    page.mouse.move(*point(end))
    page.mouse.up()


def test_merge_and_undo(t, page):
    before = page.evaluate("written()")
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "into-1")
    page.keyboard.press("ArrowDown")
    tab_to(page, "merge-1")
    page.keyboard.press("Enter")
    t.check("merging into a kept person warns", "Warning" in page.inner_text("#status"), page.inner_text("#status"))
    expected = exact(before)
    put(get(expected, "tracks")[0], "person", ("num", "3"))
    t.check("merging moves the tracks and no more", exact(page.evaluate("written()")) == expected)
    t.check("an empty person cannot be merged", page.locator("#merge-1").is_hidden())
    while page.locator("#undo").is_enabled():
        page.evaluate("document.activeElement.blur()")
        tab_to(page, "undo")
        page.keyboard.press("Enter")
    t.check("undoing all gives the text as read", page.evaluate("written()") == t.text)


def grey(page):
    return page.evaluate("""() => {
      const pen = new OffscreenCanvas(8, 8).getContext('2d');
      pen.drawImage(document.getElementById('video'), 0, 0, 8, 8);
      return pen.getImageData(4, 4, 1, 1).data[1];
    }""")


def test_video(t, page):
    make_video(t.folder / "picked.mp4")
    page.set_input_files("#pick", t.folder / "picked.mp4")
    wait_until(page, "document.getElementById('status').textContent === 'The video is open.'")
    for frame in (0, 1, 17, 18, 42, 59):
        page.evaluate(f"go({frame})")
        wait_until(page, "!document.getElementById('video').seeking")
        page.wait_for_timeout(150)
        want = (3 * frame) * 255 / 219
        t.check(f"the picture is of frame {frame}", abs(grey(page) - want) < 1.7, (grey(page), want))
    page.evaluate("go(3)")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    wait_until(page, "frame > 20")
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    frame = int(value(page, "#slider"))
    t.check("picture and boxes agree after playing", abs(grey(page) - 3 * frame * 255 / 219) < 1.7, frame)
    page.evaluate("go(50)")
    page.keyboard.press("Space")
    wait_until(page, "!playing")
    t.check("playing ends at the last frame", value(page, "#slider") == "59", value(page, "#slider"))


def test_other_files(t, url):
    (t.folder / "bad.json").write_text('{"format": "other"}')
    (t.folder / "good.faces.json").write_text(t.text)
    page = t.open(bare_page(t.folder / "alone"))
    t.check("the bare template waits", page.locator("#main").is_hidden())
    page.set_input_files("#open", t.folder / "bad.json")
    wait_until(page, "document.getElementById('status').textContent.startsWith('Cannot')")
    t.check("another file is refused", page.locator("#main").is_hidden())
    t.no_errors("bare template")
    page.set_input_files("#open", t.folder / "good.faces.json")
    page.wait_for_selector("#card-3")
    wait_until(page, "document.getElementById('status').textContent.startsWith('Pick')")
    t.check("an analysis opens by hand", page.evaluate("written()") == t.text)
    t.forget_missing_video()
    t.no_errors("opened by hand, but for the missing video")
    test_wrong_video(t, page)
    page.context.close()


def test_wrong_video(t, page):
    make_video(t.folder / "square.mp4", size="320x320")
    page.set_input_files("#pick", t.folder / "square.mp4")
    wait_until(page, "document.getElementById('status').textContent.startsWith('Warning: this seems')")
    page.set_input_files("#pick", t.folder / "bad.json")
    wait_until(page, "document.getElementById('status').textContent.startsWith('The browser cannot')")
    t.check("another video is told, what is no video too", page.locator("#video").is_hidden())


def test_big(t):
    """A long film: 18,000 frames, 20 people, 400 tracks, 90,000 faces."""
    read = json.loads(t.text)
    read["times"] = [frame / RATE for frame in range(18000)]
    read["people"] = [{**read["people"][0], "id": n} for n in range(20)]
    box = read["tracks"][0]["faces"][1]
    read["tracks"] = [{**read["tracks"][0], "id": n, "person": n % 20, "faces":
                       [{**box, "frame": (n * 43 + k) % 18000} for k in range(225)]} for n in range(400)]
    (t.folder / "big.json").write_text(json.dumps(read))
    page = t.open(bare_page(t.folder / "alone"), viewport={"width": 1280, "height": 900})
    page.set_input_files("#open", t.folder / "big.json")
    wait_until(page, "doc !== null")
    def clock(what):
        return page.evaluate(f"""(() => {{
            const start = performance.now(); {what}; return performance.now() - start; }})()""")
    page.select_option("#action-7", "keep")
    took = {what: round(clock(what)) for what in ("written()", "sync()", "build()", "show(5000)")}
    print("a long film, milliseconds:", took)
    t.check("a long film is handled in time", took["written()"] < 8000 and took["sync()"] < 500, took)
    t.forget_missing_video()
    page.context.close()


def test_phone(t, url):
    page = t.open(url, viewport={"width": 360, "height": 740}, device_scale_factor=2, has_touch=True, is_mobile=True)
    wait_until(page, "!document.getElementById('video').hidden")
    wide = page.evaluate("document.documentElement.scrollWidth")
    t.check("no sideways scrolling at 360 px", wide <= 360, wide)
    t.check("touch scrolls until drawing is switched on", not page.is_checked("#draw"))
    page.locator("#draw").tap()
    touch_drag(page, (100, 100), (300, 250))
    box = page.evaluate("doc.boxes.at(-1).box")
    t.check("a finger draws a box", page.evaluate("doc.boxes.length") == 2
            and all(abs(a - b) <= 2 for a, b in zip(box, (100, 100, 200, 150), strict=True)), box)
    page.evaluate("go(22), scrollTo(0, 0)")
    page.wait_for_timeout(300)
    page.screenshot(path=SHOTS / "phone.png")
    page.evaluate("document.getElementById('people').scrollIntoView()")
    page.screenshot(path=SHOTS / "phone-people.png")
    page.context.close()


def touch_drag(page, start, end):
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    client = page.context.new_cdp_session(page)
    def point(p):
        return {"x": box["x"] + p[0] * box["width"] / WIDTH, "y": box["y"] + p[1] * box["height"] / HEIGHT}
    for kind, points in [("touchStart", [point(start)]), ("touchMove", [point(end)]), ("touchEnd", [])]:
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def luminance(page, expression):
    colour = page.evaluate(expression)
    return sum(int(n) for n in re.findall(r"\d+", colour)[:3]) / 3


def test_schemes(t, url):
    for scheme, dark in [("light", False), ("dark", True)]:
        page = t.open(url, viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        wait_until(page, "!document.getElementById('video').hidden")
        page.select_option("#action-3", "keep")
        page.check("#strike-4")
        page.evaluate("go(22), scrollTo(0, 0)")
        page.wait_for_timeout(400)
        back = luminance(page, "getComputedStyle(document.body).backgroundColor")
        ink = luminance(page, "getComputedStyle(document.body).color")
        t.check(f"{scheme} has a {scheme} background", (back < 60 < 180 < ink) if dark else (ink < 60 < 180 < back))
        page.screenshot(path=SHOTS / f"{scheme}.png")
        page.screenshot(path=SHOTS / f"{scheme}-full.png", full_page=True)
        page.context.close()


def main():
    SHOTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "alone").mkdir()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        t = Tester(browser, folder, analysis())
        make_video(folder / "my.clip.mp4")
        url = make_page(folder, t.text)
        page = t.open(make_page(folder / "alone", t.text), viewport={"width": 1280, "height": 900})
        page.wait_for_timeout(300)
        print("without a video, the console says:", t.errors)
        t.forget_missing_video()
        for test in (test_reading, test_labels, test_tab_order, test_untouched, test_keys, test_edits,
                     test_merge_and_undo, test_video):
            test(t, page)
        t.no_errors("main page")
        page.context.close()
        for test in (test_other_files, test_phone, test_schemes):
            test(t, url)
        test_big(t)
        t.no_errors("all others, the video beside the page")
        browser.close()
        print(f"{t.passed} passed, 0 failed")


main()
