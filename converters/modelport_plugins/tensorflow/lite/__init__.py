"""TensorFlow Lite: its one-file models, edges from and to ONNX, LiteRT as the runtime."""
