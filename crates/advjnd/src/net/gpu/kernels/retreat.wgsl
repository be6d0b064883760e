// SPDX-License-Identifier: MIT OR Apache-2.0
// The direction in which an embedding is to move, as `net::Retreat` states it. At `scratch`, of each sample: 0 for
// Euclidean distance or 1 for cosine similarity, then three vectors as long as the embedding: two references and a
// constant direction.

const LANES: u32 = 64u;

// Squared lengths of the embedding and both references, and the squared length of the first difference.
var<workgroup> lengths: array<vec4<f32>, LANES>;
// The squared length of the second difference, and the products of the embedding with both references.
var<workgroup> products: array<vec3<f32>, LANES>;

fn cosine(product: f32, a: f32, b: f32) -> f32 {
    let norms = sqrt(a * b);
    return select(0.0, product / norms, norms > 0.0);
}

// A group for each sample.
@compute @workgroup_size(LANES)
fn retreat(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let length = p.source.channels * p.source.height * p.source.width;
    let embedding = plane_at(p.source, group.x, 0u);
    let stated = p.scratch + group.x * (1u + 3u * length);
    let first = stated + 1u;
    let second = first + length;
    let away = second + length;
    var own_lengths = vec4<f32>(0.0);
    var own_products = vec3<f32>(0.0);
    for (var i = thread; i < length; i += LANES) {
        let e = values[embedding + i];
        let r = values[first + i];
        let s = values[second + i];
        own_lengths += vec4<f32>(e * e, r * r, s * s, (r - e) * (r - e));
        own_products += vec3<f32>((s - e) * (s - e), r * e, s * e);
    }
    lengths[thread] = own_lengths;
    products[thread] = own_products;
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        workgroupBarrier();
        if (thread < stride) {
            lengths[thread] += lengths[thread + stride];
            products[thread] += products[thread + stride];
        }
    }
    workgroupBarrier();
    let squares = lengths[0];
    let others = products[0];
    var nearest = first;
    var scales = vec2<f32>(0.0);
    if (values[stated] == 0.0) {
        if (others.x < squares.w) {
            nearest = second;
        }
        let inverse = 1.0 / max(sqrt(min(squares.w, others.x)), TINY);
        scales = vec2<f32>(inverse, -inverse);
    } else {
        var similarity = cosine(others.y, squares.x, squares.y);
        var reference = squares.y;
        let other = cosine(others.z, squares.x, squares.z);
        if (other > similarity) {
            similarity = other;
            reference = squares.z;
            nearest = second;
        }
        scales = vec2<f32>(similarity / max(sqrt(squares.x), TINY), -1.0 / max(sqrt(reference), TINY));
    }
    let cotangent = plane_at(p.result, group.x, 0u);
    for (var i = thread; i < length; i += LANES) {
        let direction = scales.x * values[embedding + i] + scales.y * values[nearest + i];
        values[cotangent + i] = direction + AWAY_WEIGHT * values[away + i];
    }
}
