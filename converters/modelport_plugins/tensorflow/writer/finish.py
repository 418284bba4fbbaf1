"""Finishes what onnx2tf wrote: names and shapes of the ports, weights as float16.

Works on the flatbuffer with the schema's generated classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from modelport_plugins.tensorflow.lite import constant, flatbuffer, schema
from modelport_plugins.tensorflow.writer.preparation import Port
from modelport_sdk import UnsupportedFeature


class Finished:
    """A file of onnx2tf's, being finished.

    Attributes:
        gone: Inputs of the source that the file does not have, since nothing depends on them.
    """

    def __init__(self, path: Path) -> None:
        self.model = flatbuffer.unpacked(path.read_bytes())
        self.graph = self.model.subgraphs[0]
        self.named = {(t.name or b"").decode(): i for i, t in enumerate(self.graph.tensors)}
        self.gone: list[str] = []

    def ports(self, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
        """Give the ports the source's names, order and shapes.

        Raises:
            UnsupportedFeature: An output is missing, or a shape is not what it should be.
        """
        there = {int(index) for index in self.graph.inputs}
        kept = [port for port in inputs if self.named.get(port.inner) in there]
        self.gone = [port.name for port in inputs if port not in kept]
        self.graph.inputs = [self._renamed(self._checked(port), port.name) for port in kept]
        self.graph.outputs = [self._output(port) for port in outputs]
        self.model.signatureDefs = None  # they name the tensors as they were

    def _checked(self, port: Port) -> int:
        index = self.named.get(port.inner)
        if index is None:
            raise UnsupportedFeature(f"onnx2tf left {port.name} out of the model")
        shape = tuple(int(size) for size in self.graph.tensors[index].shape)
        wanted = (math.prod(port.shape),) if port.flat else port.shape
        if port.shape and shape != wanted:
            raise UnsupportedFeature(
                f"onnx2tf gave {port.name} the shape {list(shape)}, expected {list(wanted)}"
            )
        return index

    def _output(self, port: Port) -> int:
        """Return the tensor of an output; a flat one gets its axes back by a RESHAPE."""
        index = self._checked(port)
        if not port.flat:
            return self._renamed(index, port.name)
        import copy

        module = schema.generated()
        whole = copy.copy(self.graph.tensors[index])
        whole.shape, whole.shapeSignature, whole.name = list(port.shape), None, port.name.encode()
        self.graph.tensors.append(whole)
        end = len(self.graph.tensors) - 1
        sizes = flatbuffer.integers(self.model, self.graph, f"{port.inner}_shape", port.shape)
        options = module.ReshapeOptionsT()
        options.newShape = list(port.shape)
        flatbuffer.append(self.model, "RESHAPE", [index, sizes], end, options=options)
        return end

    def _renamed(self, index: int, name: str) -> int:
        self.graph.tensors[index].name = name.encode()
        return index

    def halve(self) -> None:
        """Store weights as float16, a DEQUANTIZE behind each: LiteRT computes in float32."""
        import copy

        import numpy as np

        module = schema.generated()
        top = float(np.finfo(np.float16).max)
        done: set[int] = set()
        for index in self._weights():
            tensor = self.graph.tensors[index]
            buffer = self.model.buffers[tensor.buffer]
            if index in done or tensor.type != module.TensorType.FLOAT32 or buffer.data is None:
                continue
            done.add(index)
            values = np.frombuffer(bytes(np.asarray(buffer.data, np.uint8)), np.float32)
            small = np.clip(values, -top, top).astype(np.float16)
            half = copy.copy(tensor)
            half.name, half.type = (tensor.name or b"") + b"/half", module.TensorType.FLOAT16
            half.buffer = flatbuffer.buffer(self.model, small)
            self.graph.tensors.append(half)
            tensor.buffer = 0
            made = [len(self.graph.tensors) - 1]
            options = module.DequantizeOptionsT()
            flatbuffer.append(self.model, "DEQUANTIZE", made, index, options=options, first=True)
        flatbuffer.swept(self.model)

    def _weights(self) -> list[int]:
        found: list[int] = []
        for operator in self.graph.operators:
            places = constant.POSITIONS.get(flatbuffer.kind(self.model, operator), ((), ()))[0]
            there = [int(operator.inputs[i]) for i in places if i < len(operator.inputs)]
            found += [index for index in there if index >= 0]
        return found

    def written(self) -> bytes:
        """Return the file."""
        return flatbuffer.packed(self.model)
