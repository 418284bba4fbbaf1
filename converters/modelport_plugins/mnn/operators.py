"""Names of MNN's operators by number.

Source: alibaba/MNN, ``schema/default/MNN.fbs``, enum OpType.
"""

from __future__ import annotations

FIRST = (  # noqa: SIM905  # words wrap, a hundred quoted strings do not
    "AbsVal QuantizedAdd ArgMax AsString InstanceNorm BatchToSpaceND Bias BinaryOp Bnll Cast"
    " Concat Const Convolution ConvolutionDepthwise Crop CropAndResize Cubic Deconvolution"
    " DeconvolutionDepthwise Dequantize DetectionOutput Dropout Eltwise ELU Unique Exp ExpandDims"
    " Fill Flatten FloorMod Gather GatherV2 Im2Seq InnerProduct Input Interp Log LRN LSTM MatMul"
    " MVN NonMaxSuppression NonMaxSuppressionV2 Normalize Pack Padding Permute Pooling Power PReLU"
    " PriorBox Proposal QuantizedAvgPool QuantizedBiasAdd QuantizedConcat QuantizedDepthwiseConv2D"
    " QuantizedLogistic QuantizedMatMul QuantizedMaxPool QuantizedRelu QuantizedRelu6"
    " QuantizedReshape QuantizedSoftmax QuantizeMaxMin QuantizeV2 Range Rank ReduceJoin Reduction"
    " ReLU ReLU6 RequantizationRange Requantize Reshape Resize RNN ROIPooling Scale Selu Seq2Out"
    " Shape Sigmoid Size Slice SliceTf Softmax SpaceToBatchND SpatialProduct Split Segment Squeeze"
    " StridedSlice StringJoin StringSplit StringToNumber TanH TfQuantizedConv2D Threshold Tile"
    " TopKV2 Transpose UnaryOp Unpack Where Moments RNNSequenceGRU BatchMatMul Unsqueeze"
    " CosineSimilarity DepthToSpace SpaceToDepth ReverseSequence Pooling3D Convolution3D"
    " MatrixBandPart GatherND DetectionPostProcess UnravelIndex ScatterNd OneHot BroadcastTo"
    " Dilation2D"
).split()
LATER = {
    128: "Raster ConvertTensor ArgMin LinSpace RandomUniform TensorArray TensorArraySize"
    " TensorArrayRead TensorArrayWrite TensorArrayGather TensorArrayScatter TensorArraySplit"
    " TensorArrayConcat LSTMBlockCell Reverse",
    256: "Plugin Select ZerosLike Broastcast SetDiff1D ReluGrad Relu6Grad PoolGrad SoftmaxGrad"
    " Conv2DBackPropFilter TrainableParam BatchNorm ZeroGrad",
    512: "Extra ConvInt8 Int8ToFloat DepthwiseConvInt8 PoolInt8 FloatToInt8 EltwiseInt8",
    600: "While If",
    603: "LayerNorm GridSample",
}
NAMES = {
    **dict(enumerate(FIRST)),
    **{start + i: name for start, names in LATER.items() for i, name in enumerate(names.split())},
}
UNCOUNTED = ("Input", "Const", "TrainableParam")


def operator_name(number: int) -> str:
    """Return the operator's name, or ``"operator 700"`` for one younger than the table."""
    return NAMES.get(number, f"operator {number}")
