"""NCNN: its ``.param`` and ``.bin``, edges from ONNX and TorchScript through pnnx, a runtime."""
