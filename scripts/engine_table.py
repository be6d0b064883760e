"""engine_table.py: the table of ARCHITECTURE.md from results/gradient.txt and results/pytorch.txt.

Both files are the output of a bench, unchanged:
    cargo bench -p advjnd --bench gradient > results/gradient.txt
    make --silent bench-pytorch > results/pytorch.txt
"""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARKERS = ("<!-- floor -->", "<!-- /floor -->")
# Operations a multiply-accumulate stands for in the bench: a forward pass has two, with the gradient four.
OPERATIONS = {"gradient": 4, "forward": 2}


def main():
    pattern = r"^(gradient|forward) (\S+) threads=(\d) ms=([\d.]+) gflops=([\d.]+) peak_fraction=([\d.]+)$"
    runs = re.findall(pattern, (ROOT / "results/gradient.txt").read_text(), re.M)
    theirs = dict(((name, threads), value) for name, threads, value in re.findall(
        r"^ratio (\S+) threads=(\d) ([\d.]+)$", (ROOT / "results/pytorch.txt").read_text(), re.M))
    lines = ["| network | pass | threads | GMAC | weights | floor at the measured peak | measured | of the peak | ours / theirs |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for kind, name, threads, ms, gflops, fraction in runs:
        file = next((ROOT / "models").glob(f"{name}*.safetensors"))
        macs = float(gflops) * float(ms) / 1e3 / OPERATIONS[kind]
        ratio = theirs.get((name, threads), "–")
        lines.append(f"| {name} | {kind} | {threads} | {macs:.3f} | {file.stat().st_size / 1e6:.1f} MB | "
                     f"{float(ms) * float(fraction):.2f} ms | {float(ms):.2f} ms | {float(fraction):.2f} | {ratio} |")
    page = ROOT / "ARCHITECTURE.md"
    before, rest = page.read_text().split(MARKERS[0])
    page.write_text(before + MARKERS[0] + "\n" + "\n".join(lines) + "\n" + MARKERS[1] + rest.split(MARKERS[1])[1])


if __name__ == "__main__":
    main()
