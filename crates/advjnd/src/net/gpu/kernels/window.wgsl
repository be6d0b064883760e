// SPDX-License-Identifier: MIT OR Apache-2.0
// Maxima and means over windows and planes, and their ways back.

// The first place of the greatest entry of a window, counted in reading order.
fn first_maximum(view: View, place: Place) -> u32 {
    let plane = plane_at(view, place.sample, place.channel);
    var best = 0u;
    var greatest = values[plane + place.row * p.step * view.row + place.column * p.step];
    for (var tap = 1u; tap < p.kernel * p.kernel; tap++) {
        let row = place.row * p.step + tap / p.kernel;
        let value = values[plane + row * view.row + place.column * p.step + tap % p.kernel];
        if (value > greatest) {
            greatest = value;
            best = tap;
        }
    }
    return best;
}

@compute @workgroup_size(GROUP)
fn maximum(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let tap = first_maximum(p.source, place);
    let row = place.row * p.step + tap / p.kernel;
    let column = place.column * p.step + tap % p.kernel;
    finish(place, values[at(p.source, Place(place.sample, place.channel, row, column))]);
}

// The pooled values lie at `scratch`, as dense as the target.
@compute @workgroup_size(GROUP)
fn maximum_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    var pooled = p.result;
    pooled.offset = p.scratch;
    var sum = 0.0;
    // The windows that a row lies in: those that begin at most kernel - 1 rows above it.
    let reach = p.kernel - 1u;
    for (var row = (max(place.row, reach) - reach + p.step - 1u) / p.step; row * p.step <= place.row; row++) {
        if (row >= p.source.height) {
            break;
        }
        var column = (max(place.column, reach) - reach + p.step - 1u) / p.step;
        for (; column * p.step <= place.column && column < p.source.width; column++) {
            let window = Place(place.sample, place.channel, row, column);
            let own = (place.row - row * p.step) * p.kernel + place.column - column * p.step;
            if (first_maximum(pooled, window) == own) {
                sum += values[at(p.source, window)];
            }
        }
    }
    finish(place, sum);
}

@compute @workgroup_size(GROUP)
fn halve(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let first = at(p.source, Place(place.sample, place.channel, 2u * place.row, 2u * place.column));
    let second = first + p.source.row;
    let above = values[first] + values[first + 1u];
    finish(place, 0.25 * (above + (values[second] + values[second + 1u])));
}

@compute @workgroup_size(GROUP)
fn halve_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let half = Place(place.sample, place.channel, place.row / 2u, place.column / 2u);
    finish(place, 0.25 * entry_or_zero(p.source, half));
}

@compute @workgroup_size(GROUP)
fn plane_mean(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let plane = plane_at(p.source, place.sample, place.channel);
    var sum = 0.0;
    for (var row = 0u; row < p.source.height; row++) {
        for (var column = 0u; column < p.source.width; column++) {
            sum += values[plane + row * p.source.row + column];
        }
    }
    finish(place, sum / f32(p.source.height * p.source.width));
}

@compute @workgroup_size(GROUP)
fn plane_mean_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    if (index >= entries(p.result)) {
        return;
    }
    let place = place_of(p.result, index);
    let whole = values[plane_at(p.source, place.sample, place.channel)];
    finish(place, whole / f32(p.result.height * p.result.width));
}
