// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole line against a clock of the test's own: what is done in what time, and when faces are searched for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::scene::{Picture, Scene, only};
use advjnd::frame::{Colorimetry, FrameMut, PixelFormat, PlaneMut};
use advjnd::pacing::Clock;
use advjnd::report::CoverReason;
use advjnd::{Context, Models, Protector, Settings, Verdict};

const OUT_OF_TIME: Verdict = Verdict::Covered(CoverReason::OutOfTime);

#[test]
fn iterations_fall_with_the_time_and_the_check_is_never_left_out() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    let settings = Settings { jnd_scale: 3.0, ..Settings::default() };
    scene.stage.set_costs([4, 1, 2]);
    let mut spent = Vec::new();
    for (costs, frames) in [([4, 1, 2], 8), ([4, 3, 6], 8), ([8, 6, 12], 8), ([4, 1, 2], 30)] {
        scene.stage.set_costs(costs);
        let (mut iterations, mut late) = (0, 0);
        for frame in 0..frames {
            let report = scene.timed(&picture, 33, &settings);
            let (verdict, own) = only(&report);
            iterations = if frame < 4 { 0 } else { iterations.max(own) };
            assert!(own <= settings.max_iterations);
            let checked = report.faces[0].margin != 0.0;
            assert!(checked || verdict == OUT_OF_TIME, "{costs:?}, frame {frame}: {verdict:?} unchecked");
            late += usize::from(frame >= 4 && report.late);
        }
        // A stage that is tried for the first time since things take longer may take too long once.
        assert!(late <= 1, "{costs:?}: {late} frames late");
        spent.push(iterations);
    }
    assert!(spent[0] > spent[1] && spent[1] >= spent[2] && spent[3] == spent[0], "{spent:?}");
    assert_eq!(spent[2], 0);
}

#[test]
fn where_an_iteration_and_a_check_do_not_both_fit_a_face_is_iterated_on_and_then_checked() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    // Two searches, 4 ms each, and a look at the clean face; then four looks at the output or one iteration.
    scene.stage.set_costs([4, 4, 6]);
    let settings = Settings { max_iterations: 1, margin: 0.08, ..Settings::default() };
    let got: Vec<_> = (0..40).map(|_| only(&scene.timed(&picture, 30, &settings))).collect();
    let shown = got.iter().filter(|(verdict, _)| *verdict == Verdict::Protected).count();
    let unchecked = (Verdict::Covered(CoverReason::NotYetProtected), 1);
    assert!(got.contains(&unchecked), "{got:?}");
    // The check gives a gradient where there is time for that, and the next frame follows it.
    assert!(got.contains(&(Verdict::Protected, 1)), "{got:?}");
    assert!(shown > 15, "{shown} of 40: {got:?}");
}

#[test]
fn a_frame_whose_time_is_over_has_its_faces_covered() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    for _ in 0..6 {
        scene.timed(&picture, 1000, &Settings::default());
    }
    assert_eq!(only(&scene.timed(&picture, 1000, &Settings::default())).0, Verdict::Protected);
    scene.stage.set_costs([40, 0, 0]);
    let report = scene.timed(&picture, 10, &Settings::default());
    assert_eq!((only(&report), report.late), ((OUT_OF_TIME, 0), true));
    scene.stage.set_costs([0, 0, 0]);
    assert_eq!(
        only(&scene.timed(&picture, 1000, &Settings::default())).0,
        Verdict::Protected,
        "the face is remembered"
    );
}

#[test]
fn faces_that_cannot_all_be_checked_in_time_are_covered_and_the_first_are_not() {
    let (picture, mut scene) = (Picture::astronaut().repeated(3), Scene::new());
    scene.stage.set_costs([4, 4, 4]);
    for _ in 0..6 {
        scene.timed(&picture, 1000, &Settings::default());
    }
    let reports: Vec<_> = (0..12).map(|_| scene.timed(&picture, 50, &Settings::default())).collect();
    let out_of_time = |face: usize| reports.iter().filter(|report| report.faces[face].verdict == OUT_OF_TIME).count();
    let counts = [0, 1, 2].map(out_of_time);
    assert!(counts[0] <= 2 && counts[0] <= counts[1] && counts[1] <= counts[2] && counts[2] >= 8, "{counts:?}");
}

#[test]
fn without_a_budget_no_clock_decides_anything() {
    let picture = Picture::astronaut();
    let run = |costs: [u64; 3]| {
        let mut scene = Scene::new();
        scene.stage.set_costs(costs);
        (0..4).map(|_| scene.frame(&picture, &Context::default(), &Settings::default()).0.pixels).collect::<Vec<_>>()
    };
    assert!(run([0, 0, 0]) == run([1000, 5000, 9000]));
}

#[test]
fn what_is_prepared_changes_no_frame() {
    let picture = Picture::astronaut();
    let run = |prepare: bool| {
        let mut scene = Scene::new();
        if prepare {
            scene.protector.prepare(picture.width, picture.height, &Settings::default()).expect("a size");
        }
        let frames = (0..3).map(|_| scene.frame(&picture, &Context::default(), &Settings::default()));
        frames.map(|(output, report)| (output.pixels, report.faces)).collect::<Vec<_>>()
    };
    assert!(run(true) == run(false));
    assert!(Scene::new().protector.prepare(0, 5, &Settings::default()).is_err());
}

#[test]
fn a_search_is_put_off_when_time_is_short_and_nothing_changed_besides_the_faces() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    scene.stage.set_costs([1, 1, 1]);
    for _ in 0..6 {
        assert!(scene.timed(&picture, 1000, &Settings::default()).searched, "there is time");
    }
    scene.stage.set_costs([30, 1, 1]);
    scene.timed(&picture, 33, &Settings::default());
    let reports: Vec<_> = (0..9).map(|_| scene.timed(&picture, 33, &Settings::default())).collect();
    let searched = reports.iter().filter(|report| report.searched).count();
    assert!((3..=5).contains(&searched), "{searched} of 9: every third is searched in any case");
    let mut other = picture.clone();
    let corner = (0..64).flat_map(|y| (0..64).map(move |x| 3 * (y * 512 + x) + 1));
    corner.for_each(|at| other.pixels[at] = other.pixels[at].wrapping_add(100));
    for shown in [&other, &picture, &other, &picture] {
        assert!(scene.timed(shown, 33, &Settings::default()).searched, "something changed besides the face");
    }
}

#[test]
fn a_place_without_anybody_is_searched_when_it_changes_and_now_and_then() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    let (empty, context) = (picture.grey(), Context::default());
    let searches = (0..90).filter(|_| scene.frame(&empty, &context, &Settings::default()).1.searched).count();
    assert_eq!(searches, 3);
    let (_, report) = scene.frame(&picture, &context, &Settings::default());
    assert!(report.searched);
    assert_eq!(report.faces.len(), 1, "a face is found in its first frame");
    let every = Settings { detect_interval: 1, ..Settings::default() };
    assert!((0..5).all(|_| scene.frame(&empty, &context, &every).1.searched));
}

#[test]
fn small_changes_are_looked_at_where_they_are_and_a_small_face_among_them_is_found() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    let small = {
        // A third of the size, on grey ground.
        let mut small = picture.grey();
        for y in 0..picture.height / 3 {
            for x in 0..picture.width / 3 {
                let (from, to) = (3 * (3 * y * picture.width + 3 * x), 3 * ((y + 300) * picture.width + x + 300));
                small.pixels[to..to + 3].copy_from_slice(&picture.pixels[from..from + 3]);
            }
        }
        small
    };
    let (context, settings) = (Context::default(), Settings::default());
    let every = Settings { detect_interval: 1, ..settings };
    let (_, reference) = Scene::new().frame(&small, &context, &every);
    assert_eq!(reference.faces.len(), 1);
    let face = reference.faces[0].bbox;
    // All but the face is there from the start.
    let mut before = small.clone();
    for y in face.y as usize..(face.y + face.height) as usize {
        let row = 3 * (y * picture.width + face.x as usize);
        before.pixels[row..row + 3 * face.width as usize].fill(90);
    }
    for step in 0..3 {
        assert!(scene.frame(&before, &context, &settings).1.faces.is_empty(), "step {step}");
    }
    let mut moved = before.clone();
    moved.pixels[..3 * 24].fill(250);
    (1..24).for_each(|y| moved.pixels[3 * y * picture.width..][..3 * 24].fill(250));
    let (_, report) = scene.frame(&moved, &context, &settings);
    assert!(!report.searched && report.faces.is_empty(), "a spot in a corner is looked at, and is no face");
    let (_, report) = scene.frame(&small, &context, &settings);
    assert_eq!(report.faces.len(), 1, "a face is found in its first frame");
    let [x, y] = report.faces[0].bbox.center();
    assert!((x - face.center()[0]).hypot(y - face.center()[1]) < 3.0, "{:?}, not {face:?}", report.faces[0].bbox);
}

#[test]
fn a_faint_face_that_comes_is_found_in_its_first_frame() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    let faint = |share: f32| {
        let mut faint = picture.grey();
        faint.pixels.iter_mut().zip(&picture.pixels).for_each(|(to, from)| {
            *to = (90.0 + share * (f32::from(*from) - 90.0)) as u8;
        });
        faint
    };
    let context = Context::default();
    scene.frame(&picture.grey(), &context, &Settings::default());
    let every = Settings { detect_interval: 1, ..Settings::default() };
    for step in 0..=20 {
        let picture = faint(step as f32 / 20.0);
        let found = scene.frame(&picture, &context, &Settings::default()).1.faces.len();
        assert_eq!(found, Scene::new().frame(&picture, &context, &every).1.faces.len(), "step {step}");
    }
}

#[test]
fn between_searches_followed_faces_are_looked_for_where_they_are() {
    let (picture, mut scene) = (Picture::astronaut(), Scene::new());
    let settings = Settings { detect_interval: 4, ..Settings::default() };
    let reports: Vec<_> = (0..13).map(|_| scene.frame(&picture, &Context::default(), &settings).1).collect();
    assert_eq!(reports.iter().filter(|report| report.searched).count(), 4);
    assert!(reports.iter().all(|report| report.faces.len() == 1 && report.faces[0].score > 0.5), "{reports:?}");
    assert_eq!(only(&reports[12]).0, Verdict::Protected);
    let places: Vec<_> = reports.iter().map(|report| report.faces[0].bbox.center()).collect();
    assert!(places.iter().all(|[x, y]| (x - places[0][0]).hypot(y - places[0][1]) < 4.0), "{places:?}");
}

/// A clock that gives each look of a reader the time that was set for it: two readings a look, eight looks a reader.
#[derive(Debug)]
struct Looks {
    readings: AtomicU64,
    milliseconds: [u64; 3],
}

impl Clock for Looks {
    fn now(&self) -> Duration {
        let reading = self.readings.fetch_add(1, Ordering::SeqCst);
        let reader = usize::try_from(reading / 16).expect("few readings").min(2);
        Duration::from_millis(reading / 2 * 100 + reading % 2 * self.milliseconds[reader])
    }
}

#[test]
fn without_the_slow_recognisers_faces_are_protected_from_the_others_on_all_threads() {
    let picture = Picture::astronaut().repeated(2);
    let mut protector = Protector::new(Models::embedded().expect("models"), 2, 0).expect("a protector");
    protector.set_clock(Arc::new(Looks { readings: AtomicU64::new(0), milliseconds: [1, 9, 1] }));
    let left_out = protector.leave_out_slow(Duration::from_millis(30)).expect("looks");
    assert_eq!(left_out, ["sface_2021dec"]);
    assert_eq!(protector.recognizers().collect::<Vec<_>>(), ["dlib_resnet29", "mobilefacenet"]);
    let mut verdicts = Vec::new();
    for _ in 0..12 {
        let mut data = picture.pixels.clone();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * picture.width }];
        let (width, height) = (picture.width, picture.height);
        let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes);
        let context = Context::default();
        let report = protector.process(&mut frame.expect("a frame"), &context, &Settings::default()).expect("a report");
        verdicts = report.faces.iter().map(|face| face.verdict).collect();
    }
    assert_eq!(verdicts, [Verdict::Protected; 2]);
}
