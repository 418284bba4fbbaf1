"""MNN: its one-file models, the edge from ONNX, a runtime."""
