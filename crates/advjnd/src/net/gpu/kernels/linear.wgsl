// SPDX-License-Identifier: MIT OR Apache-2.0
// Matrix times vector, and the transposed one. Weights: [output][depth], depth even.

const LANES: u32 = 64u;

var<workgroup> parts: array<f32, LANES>;

// A group for each output.
@compute @workgroup_size(LANES)
fn linear(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let depth = p.classes[0].depth;
    let length = p.source.channels * p.source.height * p.source.width;
    let vector = plane_at(p.source, group.y, 0u);
    let line = group.x * depth / 2u;
    var part = 0.0;
    for (var pair = thread; pair < depth / 2u; pair += LANES) {
        let weight = weight_pair(p.classes[0].weights, line + pair);
        let index = 2u * pair;
        part += weight.x * values[vector + index];
        if (index + 1u < length) {
            part += weight.y * values[vector + index + 1u];
        }
    }
    parts[thread] = part;
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        workgroupBarrier();
        if (thread < stride) {
            parts[thread] += parts[thread + stride];
        }
    }
    if (thread == 0u) {
        finish(Place(group.y, group.x, 0u, 0u), parts[0]);
    }
}

// A thread for each two entries of the vector.
@compute @workgroup_size(GROUP)
fn linear_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let pairs = p.classes[0].depth / 2u;
    let index = number(group, thread);
    if (index >= p.batch * pairs) {
        return;
    }
    let sample = index / pairs;
    let pair = index % pairs;
    let first = plane_at(p.source, sample, 0u);
    var sum = vec2<f32>(0.0);
    for (var output = 0u; output < p.source.channels; output++) {
        sum += values[first + output * p.source.plane] * weight_pair(p.classes[0].weights, output * pairs + pair);
    }
    let length = p.result.channels * p.result.height * p.result.width;
    for (var i = 0u; i < 2u; i++) {
        let entry = 2u * pair + i;
        if (entry < length) {
            var place = place_of(p.result, entry);
            place.sample = sample;
            finish(place, sum[i]);
        }
    }
}
