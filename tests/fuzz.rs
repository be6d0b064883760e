// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bodies of the fuzz targets on their corpora and on mutations of these: no panic, and no memory that is out of
//! proportion. `make fuzz` looks for new cases with cargo-fuzz.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]
#![allow(unsafe_code, reason = "an allocator that remembers the largest request")]

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The largest single allocation that a case may ask for: some times what the weights of the largest network take.
const MOST_MEMORY: usize = 1 << 28;

struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// The cases of a target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    cases.sort();
    assert!(cases.len() > 10, "{target} has {} cases", cases.len());
    cases
}

fn check_memory() {
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest <= MOST_MEMORY, "{largest} bytes asked for at once");
}

fn replay(target: &str, body: fn(&[u8])) {
    for (name, data) in corpus(target) {
        println!("{name}");
        body(&data);
        check_memory();
    }
}

#[test]
fn model_files_of_the_corpus_do_no_harm() {
    replay("model", bodies::model);
}

#[test]
fn manifests_of_the_corpus_do_no_harm() {
    replay("manifest", bodies::manifest);
}

#[test]
fn property_values_of_the_corpus_do_no_harm() {
    replay("properties", bodies::properties);
}

/// One change of a case.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
    /// A run of digits becomes another number: sides, offsets.
    Number(Index, u64),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        any::<Index>().prop_map(Mutation::Cut),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        (any::<Index>(), prop_oneof![0u64..5, Just(1 << 31), Just(1 << 62), any::<u64>()])
            .prop_map(|(at, number)| Mutation::Number(at, number)),
    ]
}

fn mutate(data: &mut Vec<u8>, mutation: &Mutation) {
    if data.is_empty() {
        data.push(0);
    }
    let len = data.len();
    match mutation {
        Mutation::Flip(at, bit) => data[at.index(len)] ^= 1 << bit,
        Mutation::Set(at, byte) => data[at.index(len)] = *byte,
        Mutation::Cut(at) => data.truncate(at.index(len)),
        Mutation::Insert(at, bytes) => drop(data.splice(at.index(len)..at.index(len), bytes.iter().copied())),
        Mutation::Repeat(from, to) => {
            let (from, to) = (from.index(len), to.index(len));
            let part = data[from.min(to)..from.max(to).min(from.min(to) + 64)].to_vec();
            drop(data.splice(to..to, part));
        }
        Mutation::Number(at, number) => {
            let starts: Vec<usize> =
                (0..len).filter(|&i| data[i].is_ascii_digit() && (i == 0 || !data[i - 1].is_ascii_digit())).collect();
            if starts.is_empty() {
                return;
            }
            let start = starts[at.index(starts.len())];
            let end = (start..len).find(|&i| !data[i].is_ascii_digit()).unwrap_or(len);
            drop(data.splice(start..end, number.to_string().into_bytes()));
        }
    }
}

fn mutated(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let cases: Vec<_> = corpus(target).into_iter().map(|(_, data)| data).collect();
    let mutations = prop::collection::vec(mutation(), 0..6);
    (select(cases), mutations, any::<bool>()).prop_map(move |(mut data, mutations, header_only)| {
        // The header of a file of tensors says how long it is, which after a change would be wrong nearly always.
        match header(&data).filter(|_| target == "model" && header_only) {
            Some(range) => {
                let mut text = data[range.clone()].to_vec();
                mutations.iter().for_each(|mutation| mutate(&mut text, mutation));
                let length = (text.len() as u64).to_le_bytes();
                drop(data.splice(range, text));
                data[1..9].copy_from_slice(&length);
            }
            None => mutations.iter().for_each(|mutation| mutate(&mut data, mutation)),
        }
        data
    })
}

/// Where the header of a case of target `model` lies.
fn header(data: &[u8]) -> Option<std::ops::Range<usize>> {
    let length = data.get(1..9)?.try_into().map(u64::from_le_bytes).ok()?;
    let end = usize::try_from(length).ok()?.checked_add(9)?;
    (end <= data.len()).then_some(9..end)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_model_files_do_no_harm(data in mutated("model")) {
        bodies::model(&data);
        check_memory();
    }

    #[test]
    fn mutated_manifests_do_no_harm(data in mutated("manifest")) {
        bodies::manifest(&data);
        check_memory();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_property_values_do_no_harm(data in mutated("properties")) {
        bodies::properties(&data);
    }
}
