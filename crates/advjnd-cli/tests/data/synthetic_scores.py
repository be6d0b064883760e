#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes synthetic_*.csv and synthetic_golden.json: made-up scores, and their means and intervals as SciPy computes
them.

Nobody judged anything here: the scores come from a random number generator and test the arithmetic alone.

Usage: python synthetic_scores.py     (NumPy 2.4.6, SciPy 1.17.1)
"""
import csv
import json
import pathlib

import numpy as np
from scipy import stats

HERE = pathlib.Path(__file__).parent
COLUMNS = ["viewer", "pair", "method", "side", "score", "milliseconds", "seed"]
METHODS = {"alpha": -0.2, "beta": -1.4, "gamma, quoted": 0.3}
PAIRS = ["men/1", "men/2", "women/1", "women/2", "women/3", "7"]

random = np.random.default_rng(1)
scores = []
for number in range(1, 6):
    viewer, rows = f"synthetic-{number}", []
    careless = number == 4
    for pair in PAIRS:
        for method, mean in METHODS.items():
            if method == "beta" and number == 2:
                continue  # this one stopped early
            score = int(np.clip(np.rint(random.normal(mean, 1.0)), -3, 3))
            rows.append(
                [viewer, pair, method, random.choice(["left", "right"]), score, int(random.integers(900, 9000)), number]
            )
    for pair in PAIRS[:2] if number != 5 else []:
        score = int(random.choice([-2, 2])) if careless else 0
        rows.append([viewer, pair, "identical", "left", score, 1500, number])
    random.shuffle(rows)
    with open(HERE / f"synthetic_{number}.csv", "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    scores += rows


def mean(rows):
    viewers = sorted({row[0] for row in rows})
    means = [np.mean([int(row[4]) for row in rows if row[0] == viewer]) for viewer in viewers]
    half_width = stats.t.ppf(0.975, len(means) - 1) * stats.sem(means)
    return {"mean": np.mean(means), "half_width": half_width, "viewers": len(means), "scores": len(rows)}


def mean_and_seen(rows):
    seen = mean([[*row[:4], int(row[4]) < 0] for row in rows])
    return {**mean(rows), "seen": {"mean": seen["mean"], "half_width": seen["half_width"]}}


def tables(rows, methods=METHODS, summary=mean):
    rows = [row for row in rows if row[2] != "identical"]
    def group(row):
        return row[1].rpartition("/")[0]
    return {
        "methods": [{"method": m, **summary([row for row in rows if row[2] == m])} for m in methods],
        "groups": [
            {"group": g, "method": m, **summary([row for row in rows if row[2] == m and group(row) == g])}
            for g in sorted({group(row) for row in rows})
            for m in methods
        ],
    }


SINGLE_METHODS = {"alpha": -0.3, "beta": -1.4, "clean": -0.1}
SINGLE_PICTURES = [f"{group}/{n}" for group in ["men", "women"] for n in range(1, 8)]

random = np.random.default_rng(2)
single_scores = []
for number in range(1, 6):
    viewer, rows = f"synthetic-{number}", []
    for place, picture in enumerate(SINGLE_PICTURES):
        method = list(SINGLE_METHODS)[(place + number) % 3]
        if method == "clean" and number == 5:
            continue  # this one stopped before the first
        score = int(np.clip(np.rint(random.normal(SINGLE_METHODS[method], 0.8)), -3, 0))
        rows.append([viewer, picture, method, "alone", score, int(random.integers(900, 9000)), number])
    random.shuffle(rows)
    with open(HERE / f"synthetic_single_{number}.csv", "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    single_scores += rows

golden = {"all": tables(scores), "without_failed": tables([row for row in scores if row[0] != "synthetic-4"])}
golden["single"] = tables(single_scores, SINGLE_METHODS, mean_and_seen)
(HERE / "synthetic_golden.json").write_text(json.dumps(golden, indent=1) + "\n")
