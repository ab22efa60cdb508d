"""A bundle of cmal on ONNX Runtime: pictures and questions in batches to answers."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer

MAX_PIXELS = 40_000_000
BYTES_PER_TOKEN = 64
FORMATS = ["JPEG", "PNG", "WEBP"]

Image.MAX_IMAGE_PIXELS = None  # The header is checked below, with an answer instead of a warning.


class Unusable(Exception):
    """Something that a client sent can't be used; `status` is what to answer with."""

    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.status = status


@dataclass
class Item:
    """A picture, already scaled, and a question about it, already in tokens."""

    pixels: np.ndarray
    tokens: list[int]
    top_k: int


class Model:
    """Safe to use from several threads."""

    def __init__(self, folder: Path):
        manifest = json.loads((folder / "manifest.json").read_text())
        self.name = manifest["name"]
        self.answers = manifest["answers"]
        self.temperature = np.float32(manifest["temperatures"]["vqa"])
        self.side = manifest["preprocessing"]["side"]
        self.padding = tuple(manifest["preprocessing"]["padding"])
        self.max_tokens = manifest["tokenizer"]["max_tokens"]
        self.tokenizer = Tokenizer.from_file(str(folder / manifest["tokenizer"]["file"]))
        self.tokenizer.encode_special_tokens = True
        self.pad = self.tokenizer.token_to_id("[PAD]")
        options = onnxruntime.SessionOptions()
        # Every core runs a batch of its own.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.objects, self.vision, self.text, self.fusion = (
            onnxruntime.InferenceSession(
                folder / manifest["graphs"][graph]["file"], options, providers=["CPUExecutionProvider"]
            )
            for graph in ("objects", "vision", "text", "fusion")
        )

    def see(self, file: bytes) -> np.ndarray:
        """A picture file as u8 [side, side, 3]: upright, RGB, at the top left of the square."""
        try:
            with Image.open(io.BytesIO(file), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Unusable(413, f"the picture has more than {MAX_PIXELS} pixels")
                # JPEG can be decoded at a fraction of its size; twice the target keeps the quality of the scaling.
                image.draft("RGB", (2 * self.side, 2 * self.side))
                image = ImageOps.exif_transpose(image)
                if image.has_transparency_data:
                    image = image.convert("RGBA")
                    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
                    image = Image.alpha_composite(white, image)
                image = image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise Unusable(415, f"the picture can't be read: {error}") from error
        scale = self.side / max(image.size)
        width, height = (min(max(int(length * scale + 0.5), 1), self.side) for length in image.size)
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        square = np.empty((self.side, self.side, 3), np.uint8)
        square[:] = self.padding
        square[:height, :width] = np.asarray(image)
        return square

    def read(self, question: str) -> list[int]:
        """A question as token ids."""
        question = question.strip()
        if not question:
            raise Unusable(422, "the question is empty")
        if len(question.encode()) > self.max_tokens * BYTES_PER_TOKEN:
            raise Unusable(422, "the question is too long")
        tokens = self.tokenizer.encode(question).ids
        if len(tokens) > self.max_tokens:
            raise Unusable(422, f"the question has {len(tokens)} tokens, the model reads {self.max_tokens}")
        return tokens

    def answer(self, batch: list[Item]) -> list[list[tuple[str, float]]]:
        """For each item its most probable answers with their probabilities, the best first."""
        boxes, features, mask = self.objects.run(
            ["boxes", "features", "object_mask"], {"pixels": np.stack([item.pixels for item in batch])}
        )
        # Slots behind the last object of the batch would only be computed for nothing.
        used = max(int(np.flatnonzero(mask.any(axis=0)).max(initial=0)) + 1, 1)
        mask = np.ascontiguousarray(mask[:, :used])
        (visual,) = self.vision.run(
            ["visual"],
            {
                "features": np.ascontiguousarray(features[:, :used]),
                "boxes": np.ascontiguousarray(boxes[:, :used]),
                "object_mask": mask,
            },
        )
        tokens = np.full((len(batch), max(len(item.tokens) for item in batch)), self.pad, np.int64)
        token_mask = np.zeros(tokens.shape, bool)
        for row, item in enumerate(batch):
            tokens[row, : len(item.tokens)] = item.tokens
            token_mask[row, : len(item.tokens)] = True
        (textual,) = self.text.run(["textual"], {"tokens": tokens, "token_mask": token_mask})
        (logits,) = self.fusion.run(
            ["vqa"], {"visual": visual, "object_mask": mask, "textual": textual, "token_mask": token_mask}
        )
        scores = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temperature)
        scores /= scores.sum(axis=1, keepdims=True)
        best = np.argsort(-scores, axis=1, kind="stable")
        return [
            [(self.answers[at], float(scores[row, at])) for at in best[row, : item.top_k]]
            for row, item in enumerate(batch)
        ]
