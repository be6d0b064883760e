// SPDX-License-Identifier: MIT OR Apache-2.0
// Convolutions that no product of matrices suits: depthwise ones, and the way back to an image of few channels.

// The first kernel row (or column) through which an entry of the source is seen, and the cotangent's row there: from
// there the kernel goes on by `step`, the cotangent back by one.
fn first_tap(position: u32, padding: u32) -> u32 {
    return (position + padding) % p.step;
}

// The cotangent of an image of at most four channels. Weights: [channel][row][column][4].
@compute @workgroup_size(GROUP)
fn to_image(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    let plane = p.result.height * p.result.width;
    if (index >= p.batch * plane) {
        return;
    }
    let sample = index / plane;
    let row = index % plane / p.result.width;
    let column = index % p.result.width;
    var sums = vec4<f32>(0.0);
    for (var y = first_tap(row, p.top); y < p.kernel; y += p.step) {
        let from_row = (row + p.top - y) / p.step;
        if (row + p.top < y || from_row >= p.source.height) {
            continue;
        }
        for (var x = first_tap(column, p.left); x < p.kernel; x += p.step) {
            let from_column = (column + p.left - x) / p.step;
            if (column + p.left < x || from_column >= p.source.width) {
                continue;
            }
            let first = plane_at(p.source, sample, 0u) + from_row * p.source.row + from_column;
            for (var channel = 0u; channel < p.source.channels; channel++) {
                let tap = (channel * p.kernel + y) * p.kernel + x;
                sums += values[first + channel * p.source.plane] * weight_quad(p.classes[0].weights, tap);
            }
        }
    }
    for (var channel = 0u; channel < p.result.channels; channel++) {
        finish(Place(sample, channel, row, column), sums[channel]);
    }
}

// Weights, single precision: [channel][row][column].
@compute @workgroup_size(GROUP)
fn depthwise(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let plane = plane_at(p.source, place.sample, place.channel);
    let taps = p.classes[0].weights + place.channel * p.kernel * p.kernel;
    var sum = 0.0;
    for (var y = 0u; y < p.kernel; y++) {
        // Wraps above the plane, beyond every height.
        let row = place.row * p.step + y - p.top;
        if (row >= p.source.height) {
            continue;
        }
        for (var x = 0u; x < p.kernel; x++) {
            let column = place.column * p.step + x - p.left;
            if (column < p.source.width) {
                sum += values[plane + row * p.source.row + column] * constant(taps + y * p.kernel + x);
            }
        }
    }
    finish(place, sum);
}

@compute @workgroup_size(GROUP)
fn depthwise_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let plane = plane_at(p.source, place.sample, place.channel);
    let taps = p.classes[0].weights + place.channel * p.kernel * p.kernel;
    var sum = 0.0;
    for (var y = first_tap(place.row, p.top); y < p.kernel; y += p.step) {
        let row = (place.row + p.top - y) / p.step;
        if (place.row + p.top < y || row >= p.source.height) {
            continue;
        }
        for (var x = first_tap(place.column, p.left); x < p.kernel; x += p.step) {
            let column = (place.column + p.left - x) / p.step;
            if (place.column + p.left >= x && column < p.source.width) {
                sum += values[plane + row * p.source.row + column] * constant(taps + y * p.kernel + x);
            }
        }
    }
    finish(place, sum);
}
