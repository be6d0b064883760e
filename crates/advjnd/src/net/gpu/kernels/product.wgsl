// SPDX-License-Identifier: MIT OR Apache-2.0
// Convolutions as products of matrices whose right side is gathered while it is read. TILE is set in front of this.

const QUADS: u32 = TILE / 4u;
const THREADS: u32 = QUADS * QUADS;
const DEPTH: u32 = 16u;
// Rows of the tiles that the threads bring in at a time.
const ROWS: u32 = QUADS;
// Beyond every plane.
const OUTSIDE: u32 = 0x40000000u;

var<workgroup> left: array<vec4<f32>, DEPTH * QUADS>;
var<workgroup> right: array<vec4<f32>, DEPTH * QUADS>;

fn gathered(base: u32, row: u32, column: u32) -> f32 {
    if (row < p.source.height && column < p.source.width) {
        return values[base + row * p.source.row + column];
    }
    return 0.0;
}

@compute @workgroup_size(THREADS)
fn product(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let part = p.classes[group.z / p.splits];
    let split = group.z % p.splits;
    let plane = part.rows * part.columns;
    let count = p.batch * plane;
    if (group.x * TILE >= count) {
        return;
    }
    let quad = thread % QUADS;
    let line = thread / QUADS;
    let pixels = vec4<u32>(group.x * TILE + quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
    let inside = pixels < vec4<u32>(count);
    let samples = pixels / plane;
    let rest = pixels % plane;
    let rows = rest / part.columns;
    let columns = rest % part.columns;
    let first_rows = select(vec4<u32>(OUTSIDE), rows * p.step - vec4<u32>(p.top), inside);
    let first_columns = columns * p.step - vec4<u32>(p.left);
    let bases = vec4<u32>(p.source.offset) + samples * p.source.sample;
    let first_output = group.y * TILE;
    let share = (part.depth / DEPTH + p.splits - 1u) / p.splits * DEPTH;
    let begin = min(split * share, part.depth);
    let end = min(begin + share, part.depth);
    var sums: array<vec4<f32>, 4>;
    for (var depth = begin; depth < end; depth += DEPTH) {
        for (var k = line; k < DEPTH; k += ROWS) {
            let entry = weights[part.table + depth + k];
            let row = first_rows + vec4<u32>((entry >> 16u) & 0xffu);
            let column = first_columns + vec4<u32>(entry >> 24u);
            let base = bases + vec4<u32>((entry & 0xffffu) * p.source.plane);
            right[k * QUADS + quad] = vec4<f32>(
                gathered(base.x, row.x, column.x),
                gathered(base.y, row.y, column.y),
                gathered(base.z, row.z, column.z),
                gathered(base.w, row.w, column.w),
            );
            let output = first_output + quad * 4u;
            var own = vec4<f32>(0.0);
            if (output < p.outputs) {
                own = weight_quad(part.weights, ((depth + k) * p.outputs + output) / 4u);
            }
            left[k * QUADS + quad] = own;
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let a = left[k * QUADS + line];
            let b = right[k * QUADS + quad];
            sums[0] += a.x * b;
            sums[1] += a.y * b;
            sums[2] += a.z * b;
            sums[3] += a.w * b;
        }
        workgroupBarrier();
    }
    let result_rows = rows * p.spread + vec4<u32>(part.first_row);
    let result_columns = columns * p.spread + vec4<u32>(part.first_column);
    for (var j = 0u; j < 4u; j++) {
        let channel = first_output + line * 4u + j;
        if (channel >= p.result.channels) {
            break;
        }
        for (var i = 0u; i < 4u; i++) {
            if (!inside[i]) {
                break;
            }
            let place = Place(samples[i], channel, result_rows[i], result_columns[i]);
            if (p.splits == 1u) {
                finish(place, sums[j][i]);
            } else {
                let dense = ((place.sample * p.result.channels + channel) * p.result.height + place.row)
                    * p.result.width + place.column;
                values[p.scratch + split * entries(p.result) + dense] = sums[j][i];
            }
        }
    }
}

// Adds up what the splits of a product left.
@compute @workgroup_size(GROUP)
fn gather_splits(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = number(group, thread);
    let count = entries(p.result);
    if (index >= count) {
        return;
    }
    var sum = 0.0;
    for (var split = 0u; split < p.splits; split++) {
        sum += values[p.scratch + split * count + index];
    }
    finish(place_of(p.result, index), sum);
}
