"""The operator table: the test models that the package onnx carries, through the whole flow."""
