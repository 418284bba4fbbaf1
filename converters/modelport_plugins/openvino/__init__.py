"""OpenVINO: its IR (an ``.xml`` with a ``.bin``), edges from ONNX and TorchScript, a runtime."""
