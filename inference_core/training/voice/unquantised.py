# SPDX-License-Identifier: GPL-3.0-or-later
"""Convolutions of a dynamically quantised ONNX network as plain float ones again.

ONNX Runtime's `ConvInteger` takes about four times as long as its float `Conv` on processors with
AVX-512, and the quantised input costs sound. The weights stay what eight bits left of them.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


def unquantise(model: onnx.ModelProto) -> int:
    """Replace every `DynamicQuantizeLinear` + `ConvInteger` in place; returns how many there were.

    Raises ValueError where what surrounds a `ConvInteger` is not what ONNX Runtime's dynamic
    quantisation writes: [bias] -> Cast -> Mul by the scales of input and weights.
    """
    graph = model.graph
    stored = {item.name: item for item in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)

    def number(name: str) -> NDArray[np.float32]:
        return numpy_helper.to_array(stored[name]).astype(np.float32)

    def next_of(node: onnx.NodeProto, *kinds: str) -> onnx.NodeProto:
        after = users.get(node.output[0], [])
        if len(after) != 1 or after[0].op_type not in kinds:
            raise ValueError(f"{node.name} is not followed by {' or '.join(kinds)}")
        return after[0]

    def beside(node: onnx.NodeProto, known: str) -> str:
        return next(name for name in node.input if name != known)

    def float_bias(name: str) -> str:
        """The stored bias out of which `name` is computed: the first input all the way up."""
        while name not in stored or stored[name].data_type != onnx.TensorProto.FLOAT:
            name = makers[name].input[0]
        return name

    plain: dict[str, onnx.NodeProto] = {}
    gone: set[str] = set()
    for node in [node for node in graph.node if node.op_type == "ConvInteger"]:
        quantise = makers[node.input[0]]
        after = next_of(node, "Add", "Cast")
        gone |= {node.name, after.name}
        bias: list[str] = []
        if after.op_type == "Add":
            bias = [float_bias(beside(after, node.output[0]))]
            after = next_of(after, "Cast")
            gone.add(after.name)
        scaled = next_of(after, "Mul")
        scales = makers[beside(scaled, after.output[0])]
        scale = number(next(name for name in scales.input if name in stored))
        weights = (number(node.input[1]) - number(node.input[3])) * scale
        name = f"{node.input[1]}_float"
        graph.initializer.append(numpy_helper.from_array(weights.astype(np.float32), name))
        whole = onnx.helper.make_node(
            "Conv", [quantise.input[0], name, *bias], [scaled.output[0]], name=f"{node.name}_float"
        )
        whole.attribute.extend(node.attribute)
        plain[scaled.name] = whole
    _keep_used(graph, [plain.get(n.name, n) for n in graph.node if n.name not in gone])
    return len(plain)


def _keep_used(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Make `nodes` the graph's, without those (and those numbers) that nothing needs."""
    outputs = {output.name for output in graph.output}
    while True:
        used = outputs | {name for node in nodes for name in node.input}
        kept = [node for node in nodes if used.intersection(node.output)]
        if len(kept) == len(nodes):
            break
        nodes = kept
    numbers = [item for item in graph.initializer if item.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numbers)
