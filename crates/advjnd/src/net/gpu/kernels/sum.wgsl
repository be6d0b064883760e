// SPDX-License-Identifier: MIT OR Apache-2.0
// Sums of two values, of which the second is the residual; of an enlarged one and another.

@compute @workgroup_size(GROUP)
fn sum(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    finish(place, entry_or_zero(p.source, place));
}

// The entry next to the one that entry `index` of twice the size lies in, on its side.
fn neighbour(index: u32, size: u32) -> u32 {
    let near = index / 2u;
    if (index % 2u == 0u) {
        return max(near, 1u) - 1u;
    }
    return min(near + 1u, size - 1u);
}

// Enlarged twice each way: mode 0 repeats, mode 1 is bilinear, and NEAR, set in front of this, the share of the pixel
// that the new one lies in.
@compute @workgroup_size(GROUP)
fn enlarge(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let plane = plane_at(p.source, place.sample, place.channel);
    let row = plane + place.row / 2u * p.source.row;
    let column = place.column / 2u;
    var value = values[row + column];
    if (p.mode == 1u) {
        let other_row = plane + neighbour(place.row, p.source.height) * p.source.row;
        let other_column = neighbour(place.column, p.source.width);
        let own = NEAR * value + (1.0 - NEAR) * values[other_row + column];
        let other = NEAR * values[row + other_column] + (1.0 - NEAR) * values[other_row + other_column];
        value = NEAR * own + (1.0 - NEAR) * other;
    }
    finish(place, value);
}
