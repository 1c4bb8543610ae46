"""A CLIP-shaped model in PyTorch, as fast as PyTorch makes it: SDPA, torch.compile, fused AdamW.

Measures a training step, or with --entry encode_image or encode_text what serves a model. It begins with a batch in the host's
memory (page-locked where there is a GPU) and ends with the loss or the features there, as clip-run bench's does. Prints one line
of JSON: samples per second (median), also without the copy of the batch, the device's name, and PyTorch's version. Shapes are
open_clip's of the same name.
"""

import argparse
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

SHAPES = {  # width, layers, heads and patch of the image tower; width, layers and heads of the text tower; embedding
    "b32": (768, 12, 12, 32, 512, 12, 8, 512),
    "b16": (768, 12, 12, 16, 512, 12, 8, 512),
    "l14": (1024, 24, 16, 14, 768, 12, 12, 768),
    "h14": (1280, 32, 16, 14, 1024, 24, 16, 1024),
}
TOKENS = 77
VOCABULARY = 49408


class Block(nn.Module):
    def __init__(self, width, heads, causal, gelu):
        super().__init__()
        self.heads, self.causal, self.gelu = heads, causal, gelu
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, s, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, s, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).reshape(b, s, w))
        return x + self.fc2(functional.gelu(self.fc1(self.norm2(x)), approximate=self.gelu))


class Clip(nn.Module):
    def __init__(self, vw, vl, vh, patch, tw, tl, th, embedding, gelu):
        super().__init__()
        self.patches = nn.Conv2d(3, vw, patch, patch, bias=False)
        self.cls = nn.Parameter(torch.randn(1, 1, vw) * vw**-0.5)
        self.places = nn.Parameter(torch.randn((224 // patch) ** 2 + 1, vw) * vw**-0.5)
        self.before, self.after = nn.LayerNorm(vw), nn.LayerNorm(vw)
        self.visual = nn.Sequential(*(Block(vw, vh, False, gelu) for _ in range(vl)))
        self.visual_out = nn.Linear(vw, embedding, bias=False)
        self.words = nn.Embedding(VOCABULARY, tw)
        self.text_places = nn.Parameter(torch.randn(TOKENS, tw) * 0.01)
        self.textual = nn.Sequential(*(Block(tw, th, True, gelu) for _ in range(tl)))
        self.text_norm = nn.LayerNorm(tw)
        self.text_out = nn.Linear(tw, embedding, bias=False)
        self.scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def encode_image(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.places
        return functional.normalize(self.visual_out(self.after(self.visual(self.before(x))[:, 0])), dim=-1)

    def encode_text(self, tokens):
        y = self.text_norm(self.textual(self.words(tokens) + self.text_places))
        text = y[torch.arange(y.shape[0], device=y.device), tokens.argmax(-1)]
        return functional.normalize(self.text_out(text), dim=-1)

    def forward(self, images, tokens):
        logits = self.scale.exp() * self.encode_image(images) @ self.encode_text(tokens).T
        labels = torch.arange(logits.shape[0], device=logits.device)
        return (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.T, labels)) / 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=SHAPES, default="b32")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--precision", choices=["32", "bf16"], default="bf16")
    parser.add_argument("--entry", choices=["train_step", "encode_image", "encode_text"], default="train_step")
    parser.add_argument("--activation", choices=["gelu", "gelu_tanh"], default="gelu")
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=20)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(1)
    torch.set_float32_matmul_precision("highest" if args.precision == "32" else "high")
    model = Clip(*SHAPES[args.model], "tanh" if args.activation == "gelu_tanh" else "none").to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-6, fused=True)
    on_host = (torch.randn(args.batch, 3, 224, 224), torch.randint(1, VOCABULARY - 1, (args.batch, TOKENS)))
    if device == "cuda":
        on_host = tuple(tensor.pin_memory() for tensor in on_host)
    on_device = tuple(tensor.to(device) for tensor in on_host)
    trained = torch.compile(model)
    served = torch.compile(model.encode_image if args.entry == "encode_image" else model.encode_text)
    precision = torch.autocast(device, torch.bfloat16, enabled=args.precision == "bf16")

    def serve(batch):
        with torch.inference_mode(), precision:
            return served(batch[0 if args.entry == "encode_image" else 1].to(device, non_blocking=True)).cpu()

    def train(batch):
        images, tokens = (tensor.to(device, non_blocking=True) for tensor in batch)
        with precision:
            loss = trained(images, tokens)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    step = train if args.entry == "train_step" else serve

    def samples_per_second(batch):
        for _ in range(args.warmup):
            step(batch)
        seconds = []
        for _ in range(args.iterations):
            start = time.perf_counter()
            step(batch)
            seconds.append(time.perf_counter() - start)
        return args.batch / statistics.median(seconds)

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(
        json.dumps(
            {
                "samples_per_second": samples_per_second(on_host),
                "samples_per_second_resident": samples_per_second(on_device),
                "device": name,
                "pytorch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
