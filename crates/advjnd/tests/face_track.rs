// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tracker: identities last, one missed frame loses nothing, lost faces are held for the hold time.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use advjnd::face::track::COAST_FRAMES;
use advjnd::face::{BBox, Detection, Landmarks, TrackState, Tracker};

const HOLD: Duration = Duration::from_millis(500);

fn face(x: f32, y: f32, size: f32, score: f32) -> Detection {
    let at = |u: f32, v: f32| [x + u * size, y + v * size];
    let landmarks = Landmarks([at(0.3, 0.4), at(0.7, 0.4), at(0.5, 0.6), at(0.35, 0.8), at(0.65, 0.8)]);
    Detection::new(BBox { x, y, width: size, height: size }, landmarks, score)
}

fn ms(frame: u64) -> Duration {
    Duration::from_millis(40 * frame)
}

#[test]
fn two_faces_that_cross_keep_their_identities() {
    let mut tracker = Tracker::default();
    for frame in 0..40 {
        let t = frame as f32;
        let (left, right) = (face(10.0 + 6.0 * t, 50.0, 60.0, 0.9), face(250.0 - 6.0 * t, 130.0, 60.0, 0.9));
        tracker.update(&[left, right], ms(frame), 0.5, HOLD);
        let tracks = tracker.tracks();
        assert_eq!(tracks.len(), 2, "frame {frame}");
        assert_eq!((tracks[0].id.0, tracks[1].id.0), (0, 1));
        assert!(tracks[0].landmarks.0[0][1] < tracks[1].landmarks.0[0][1], "frame {frame}: swapped");
    }
}

#[test]
fn a_missed_frame_is_predicted() {
    let mut tracker = Tracker::default();
    for frame in 0..10 {
        tracker.update(&[face(10.0 + 5.0 * frame as f32, 50.0, 60.0, 0.9)], ms(frame), 0.5, HOLD);
    }
    tracker.update(&[], ms(10), 0.5, HOLD);
    let track = &tracker.tracks()[0];
    assert_eq!(track.state, TrackState::Coasting(1));
    let expected = face(60.0, 50.0, 60.0, 0.9).landmarks.0[2];
    let found = track.landmarks.0[2];
    assert!((found[0] - expected[0]).hypot(found[1] - expected[1]) < 3.0, "{found:?} {expected:?}");
    tracker.update(&[face(65.0, 50.0, 60.0, 0.9)], ms(11), 0.5, HOLD);
    assert_eq!((tracker.tracks()[0].id.0, tracker.tracks()[0].state), (0, TrackState::Active));
}

#[test]
fn a_lost_face_is_held_for_the_hold_time() {
    let mut tracker = Tracker::default();
    tracker.update(&[face(10.0, 50.0, 60.0, 0.9)], ms(0), 0.5, HOLD);
    for frame in 1..=12 {
        tracker.update(&[], ms(frame), 0.5, HOLD);
        let lost = frame > u64::from(COAST_FRAMES);
        assert_eq!(tracker.tracks()[0].state == TrackState::Lost, lost, "frame {frame}");
    }
    tracker.update(&[], ms(13), 0.5, HOLD);
    assert!(tracker.tracks().is_empty(), "520 ms are past the hold time");
}

#[test]
fn weak_detections_continue_but_do_not_begin() {
    let mut tracker = Tracker::default();
    tracker.update(&[face(10.0, 50.0, 60.0, 0.35)], ms(0), 0.5, HOLD);
    assert!(tracker.tracks().is_empty());
    tracker.update(&[face(10.0, 50.0, 60.0, 0.6)], ms(1), 0.5, HOLD);
    tracker.update(&[face(11.0, 50.0, 60.0, 0.35)], ms(2), 0.5, HOLD);
    assert_eq!(tracker.tracks()[0].state, TrackState::Active);
}

#[test]
fn noise_is_smoothed_and_motion_is_not_delayed() {
    let mut tracker = Tracker::default();
    let noise = |frame: u64| if frame.is_multiple_of(2) { 0.4 } else { -0.4 };
    for frame in 0..30 {
        tracker.update(&[face(100.0 + noise(frame), 50.0, 80.0, 0.9)], ms(frame), 0.5, HOLD);
    }
    let still = (tracker.tracks()[0].bbox.x - 100.0).abs();
    assert!(still < 0.3, "a still face trembles by {still}");
    for frame in 30..40 {
        tracker.update(&[face(100.0 + 8.0 * (frame - 29) as f32, 50.0, 80.0, 0.9)], ms(frame), 0.5, HOLD);
    }
    let lag = 180.0 - tracker.tracks()[0].bbox.x;
    assert!(lag.abs() < 2.0, "a moving face lags by {lag}");
}

#[test]
fn a_face_is_seen_by_every_look_and_by_none_while_it_coasts() {
    let mut tracker = Tracker::default();
    let (mut detection, aside) = (face(10.0, 50.0, 60.0, 0.9), face(14.0, 50.0, 60.0, 0.9).landmarks);
    tracker.update(&[detection], ms(0), 0.5, HOLD);
    assert_eq!(tracker.tracks()[0].landmark_sets().count(), 2);
    detection.other_looks[0] = Some(aside);
    tracker.update(&[detection], ms(1), 0.5, HOLD);
    let sets: Vec<Landmarks> = tracker.tracks()[0].landmark_sets().collect();
    assert_eq!(sets[1..], [detection.landmarks, aside]);
    assert_eq!(sets[0], tracker.tracks()[0].landmarks);
    tracker.update(&[], ms(2), 0.5, HOLD);
    assert_eq!(tracker.tracks()[0].landmark_sets().count(), 1);
}

/// Fault 8: two seconds between frames are more than the hold time.
#[test]
fn missed_frames_are_bridged_at_any_frame_rate() {
    let mut tracker = Tracker::default();
    let at = |frame: u32| Duration::from_secs(2) * frame;
    tracker.update(&[face(100.0, 100.0, 60.0, 0.9)], at(0), 0.5, HOLD);
    for frame in 1..=COAST_FRAMES {
        tracker.update(&[], at(frame), 0.5, HOLD);
        assert_eq!(tracker.tracks()[0].state, TrackState::Coasting(frame));
    }
    tracker.update(&[face(104.0, 101.0, 60.0, 0.9)], at(COAST_FRAMES + 1), 0.5, HOLD);
    assert_eq!((tracker.tracks().len(), tracker.tracks()[0].id.0), (1, 0), "the same face");
    for frame in 2..=COAST_FRAMES + 2 {
        tracker.update(&[], at(COAST_FRAMES + frame), 0.5, HOLD);
    }
    assert!(tracker.tracks().is_empty(), "lost for longer than the hold time");
}
