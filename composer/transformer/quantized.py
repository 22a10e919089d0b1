"""The model in 8 bits, for writing: weights per channel, activations per call (dynamic quantisation).

One note at a time, a model waits for its weights to arrive from memory; at a quarter of the bytes the products take about a fifth of
the time. Training and measuring use the full weights; `tests` hold how far the two may differ.
"""

from __future__ import annotations

import copy
import warnings

import torch
from torch import Tensor, nn

from composer.transformer.model import Transformer


class QuantizedLinear(nn.Module):
    """A linear map with 8-bit weights."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scales = (weight.abs().amax(1) / 127).clamp_min(1e-9).double()
        zero = torch.zeros(len(weight), dtype=torch.int64)
        whole = torch.quantize_per_channel(weight, scales, zero, 0, torch.qint8)
        self.packed = torch.ops.quantized.linear_prepack(whole, None)
        self.bias = None if linear.bias is None else linear.bias.detach().float()
        # the product scales by the largest value of all rows: every row is brought to one span, so that none depends on its company
        self.span = torch.zeros(1, weight.size(1))
        self.span[0, 0], self.span[0, 1] = -1.0, 1.0

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out)."""
        rows = x.reshape(-1, x.size(-1))
        size = rows.abs().amax(1, keepdim=True).clamp_min(1e-9)
        # 7-bit activations: 8 overflow on processors without the newer integer instructions, and results would differ
        found = torch.ops.quantized.linear_dynamic(torch.cat([rows / size, self.span]), self.packed, True)[:-1] * size
        found = found if self.bias is None else found + self.bias
        return found.view(*x.shape[:-1], -1)


def quantized(model: Transformer) -> Transformer:
    """A copy of the model with every linear map in 8 bits; the model itself where this torch or machine has no 8-bit products."""
    if not hasattr(torch, "quantize_per_channel") or not {"fbgemm", "x86", "onednn"} & set(torch.backends.quantized.supported_engines):
        return model
    small = copy.deepcopy(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to drop these one day; then the full weights are used
        for module in list(small.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(module, name, QuantizedLinear(child))
    return small.eval()
