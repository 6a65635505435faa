# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert an OpenCV Haar cascade (XML) to the small NumPy file that the face detector reads.

    python scripts/convert_cascade.py haarcascade_frontalface_alt2.xml detector.npz

The XML is Rainer Lienhart's frontal face detector as OpenCV ships it, under the Intel licence
(3-clause BSD style); the licence text is copied from the XML's own comment into the result, as it
asks.

Arrays of the result (S stages, T trees of two nodes and three leaves, F features of up to three
rectangles):

    window            int32 [2]       width, height of the window that the cascade was trained on
    stage_end         int32 [S]       number of the first tree behind each stage
    stage_threshold   float32 [S]     a window passes when the sum of its leaves reaches this
    node_feature      int32 [T, 2]
    node_threshold    float32 [T, 2]
    node_left         int32 [T, 2]    where a value below the threshold goes: > 0 a node, <= 0 -leaf
    node_right        int32 [T, 2]
    leaf              float32 [T, 3]
    rectangle         int32 [F, 3, 4] x, y, width, height; unused ones are 0
    weight            float32 [F, 3]
    licence           str
"""

from __future__ import annotations

import argparse
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]


def numbers(element: ElementTree.Element | None) -> list[float]:
    """The numbers in the text of one XML element."""
    if element is None or element.text is None:
        raise ValueError("the cascade lacks a field; is this an OpenCV cascade in the new format?")
    return [float(word) for word in element.text.split()]


def convert(xml: str) -> dict[str, Array]:
    """The arrays of the module docstring, from the text of the XML file."""
    comment = re.search(r"<!--(.*?)-->", xml, re.S)
    if comment is None or "Redistribution" not in comment.group(1):
        raise ValueError(
            "the cascade's licence comment is missing; it must travel with the numbers"
        )
    # A file that the developer chose and that ships with OpenCV, never input of a user.
    cascade = ElementTree.fromstring(xml).find("cascade")  # noqa: S314
    if cascade is None:
        raise ValueError("no <cascade> in this file")
    stage_end: list[int] = []
    stage_threshold: list[float] = []
    nodes: list[list[list[float]]] = []
    leaves: list[list[float]] = []
    for stage in cascade.findall("stages/_"):
        for tree in stage.findall("weakClassifiers/_"):
            flat = numbers(tree.find("internalNodes"))
            nodes.append([flat[i : i + 4] for i in range(0, len(flat), 4)])
            leaves.append(numbers(tree.find("leafValues")))
        stage_end.append(len(nodes))
        stage_threshold += numbers(stage.find("stageThreshold"))
    if any(len(tree) != 2 for tree in nodes):
        raise ValueError("the detector evaluates trees of exactly two nodes")
    features = cascade.findall("features/_")
    rectangle = np.zeros((len(features), 3, 4), np.int32)
    weight = np.zeros((len(features), 3), np.float32)
    for f, feature in enumerate(features):
        if feature.findtext("tilted", "0").strip() == "1":
            raise ValueError("the detector does not evaluate tilted features")
        for r, item in enumerate(feature.findall("rects/_")):
            row = numbers(item)
            rectangle[f, r] = [int(v) for v in row[:4]]
            weight[f, r] = row[4]
    tree_nodes = np.array(nodes, np.float64)  # [T, 2, (left, right, feature, threshold)]
    return {
        "window": np.array(
            [numbers(cascade.find("width"))[0], numbers(cascade.find("height"))[0]], np.int32
        ),
        "stage_end": np.array(stage_end, np.int32),
        "stage_threshold": np.array(stage_threshold, np.float32),
        "node_left": tree_nodes[:, :, 0].astype(np.int32),
        "node_right": tree_nodes[:, :, 1].astype(np.int32),
        "node_feature": tree_nodes[:, :, 2].astype(np.int32),
        "node_threshold": tree_nodes[:, :, 3].astype(np.float32),
        "leaf": np.array(leaves, np.float32),
        "rectangle": rectangle,
        "weight": weight,
        "licence": np.array(comment.group(1).strip()),
    }


def main(argv: list[str] | None = None) -> int:
    """Convert the file named on the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Convert an OpenCV Haar cascade to NumPy.")
    parser.add_argument("xml", type=Path)
    parser.add_argument("npz", type=Path)
    options = parser.parse_args(argv)
    arrays = convert(options.xml.read_text(encoding="utf-8"))
    np.savez_compressed(options.npz, **arrays)
    trees, stages = len(arrays["leaf"]), len(arrays["stage_end"])
    print(f"{options.npz}: {stages} stages, {trees} trees, {options.npz.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
