// SPDX-License-Identifier: MIT OR Apache-2.0
// What all kernels share: where numbers lie, and how a sum is finished.

// Entry (sample, channel, row, column) lies at offset + sample * sample + channel * plane + row * row + column.
struct View {
    offset: u32,
    sample: u32,
    plane: u32,
    row: u32,
    channels: u32,
    height: u32,
    width: u32,
    unused: u32,
}

// The pixels of a result that see the same taps. Its weights are [depth][outputs], its table has for each of the depth
// channel | row << 16 | column << 24.
struct Class {
    table: u32,
    depth: u32,
    weights: u32,
    first_row: u32,
    first_column: u32,
    rows: u32,
    columns: u32,
    unused: u32,
}

struct Params {
    source: View,
    result: View,
    residual: View,
    signs: u32,
    slopes: u32,
    finish: u32,
    bias: u32,
    scratch: u32,
    splits: u32,
    batch: u32,
    half: u32,
    kernel: u32,
    step: u32,
    top: u32,
    left: u32,
    spread: u32,
    outputs: u32,
    mode: u32,
    unused: u32,
    classes: array<Class, 4>,
}

const NONE: u32 = 0xffffffffu;
// Threads of a group, and groups in a row, of the kernels with a thread for each entry.
const GROUP: u32 = 256u;
const GROUPS: u32 = 32768u;

@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

struct Place {
    sample: u32,
    channel: u32,
    row: u32,
    column: u32,
}

// The number of a thread among those with an entry each.
fn number(group: vec3<u32>, thread: u32) -> u32 {
    return (group.y * GROUPS + group.x) * GROUP + thread;
}

fn entries(view: View) -> u32 {
    return p.batch * view.channels * view.height * view.width;
}

// Where entry `index` lies, counted along columns, rows, channels and samples.
fn place_of(view: View, index: u32) -> Place {
    let column = index % view.width;
    let line = index / view.width;
    let row = line % view.height;
    let plane = line / view.height;
    return Place(plane / view.channels, plane % view.channels, row, column);
}

fn plane_at(view: View, sample: u32, channel: u32) -> u32 {
    return view.offset + sample * view.sample + channel * view.plane;
}

fn at(view: View, place: Place) -> u32 {
    return plane_at(view, place.sample, place.channel) + place.row * view.row + place.column;
}

// The entry, or zero outside.
fn entry_or_zero(view: View, place: Place) -> f32 {
    if (place.channel < view.channels && place.row < view.height && place.column < view.width) {
        return values[at(view, place)];
    }
    return 0.0;
}

fn constant(index: u32) -> f32 {
    return bitcast<f32>(weights[index]);
}

// Weights 2 * pair and 2 * pair + 1 of those that start at `first`.
fn weight_pair(first: u32, pair: u32) -> vec2<f32> {
    if (p.half != 0u) {
        return unpack2x16float(weights[first + pair]);
    }
    let index = first + 2u * pair;
    return vec2<f32>(constant(index), constant(index + 1u));
}

fn weight_quad(first: u32, quad: u32) -> vec4<f32> {
    return vec4<f32>(weight_pair(first, 2u * quad), weight_pair(first, 2u * quad + 1u));
}

// Adds bias and residual to a sum, applies an activation or the derivative of one, and stores it.
fn finish(place: Place, sum: f32) {
    var value = sum;
    if (p.bias != NONE) {
        value += constant(p.bias + place.channel);
    }
    if (p.residual.channels != 0u) {
        value += entry_or_zero(p.residual, place);
    }
    let own = at(p.result, place);
    let signs = p.signs + own - p.result.offset;
    switch p.finish {
        case 1u: {
            value = max(value, 0.0);
        }
        case 2u: {
            if (p.signs != NONE) {
                values[signs] = value;
            }
            value = select(constant(p.slopes + place.channel) * value, value, value > 0.0);
        }
        case 3u: {
            value = select(0.0, value, values[signs] > 0.0);
        }
        case 4u: {
            value = select(constant(p.slopes + place.channel) * value, value, values[signs] > 0.0);
        }
        default: {}
    }
    values[own] = value;
}
