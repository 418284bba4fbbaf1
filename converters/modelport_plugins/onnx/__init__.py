"""ONNX and ONNX Runtime: formats, inspectors, runtimes, and passes from ONNX to ONNX."""
