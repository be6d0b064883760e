#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# memcheck.sh: the tests of the unsafe kernels under valgrind's memcheck, as they were built for the processor valgrind
# imitates (AVX2); writes results/memcheck.json. An error of memory fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# Tests, and what of them: the whole of each would take hours.
runs=(
    "pool "
    "net_engine net_convolutions_agree net_depthwise_agrees net_winograd_agrees net_random_networks_agree net_engines_share"
    "frame_region a_written_residual save_and_restore covers_stay"
    "face_warp "
)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
results=() failed=0
for run in "${runs[@]}"; do
    name=${run%% *}
    read -r -a filters <<<"${run#* }"
    program=$(cargo test --locked --workspace --no-run --message-format=json --test "$name" 2>/dev/null |
        python3 -c "import json, sys; print([m['executable'] for m in map(json.loads, sys.stdin) if m.get('executable')][-1])")
    start=$SECONDS status=0
    PROPTEST_CASES=${PROPTEST_CASES:-4} PROPTEST_FAILURE_PERSISTENCE=off \
        valgrind --quiet --error-exitcode=99 --leak-check=no --max-stackframe=4000000 "$program" "${filters[@]}" \
        --test-threads=1 >"$log" 2>&1 || status=$?
    passed=$(sed -n 's/^test result: .* \([0-9]*\) passed.*/\1/p' "$log")
    errors=$(grep -c '^==[0-9]*== [A-Z].*\(Invalid\|uninitialised\|overlap\)' "$log" || true)
    echo "$name: ${passed:-0} tests, exit $status, $((SECONDS - start)) s"
    [ "$status" -eq 0 ] || { failed=1; tail -60 "$log"; }
    results+=("{\"test\": \"$name\", \"filter\": \"${filters[*]-}\", \"passed\": ${passed:-0}, \"errors\": $errors, \"exit\": $status, \"seconds\": $((SECONDS - start))}")
done
python3 - "${results[@]}" <<'END'
import json, subprocess, sys
tool = subprocess.run(["valgrind", "--version"], capture_output=True, text=True).stdout.strip()
report = {"program": "make memcheck", "tool": tool, "runs": [json.loads(run) for run in sys.argv[1:]]}
open("results/memcheck.json", "w").write(json.dumps(report, indent=2) + "\n")
END
exit $failed
