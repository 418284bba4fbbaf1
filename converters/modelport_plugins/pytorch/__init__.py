"""PyTorch: TorchScript, ExportedProgram, safetensors and pickled files; edges to and from ONNX."""
