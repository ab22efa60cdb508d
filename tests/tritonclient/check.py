"""Checks a server with the Python package `tritonclient`, unmodified: python3 tests/tritonclient/check.py

Without --server it starts target/release/cmal on a free port. The package, pinned in requirements.txt, is installed once into a folder of
its own below --packages, so nothing else on the machine changes. The numbers are held against those that the exporter recorded, and
against the answers of /v1.
"""

import argparse
import base64
import json
import os
import struct
import subprocess
import sys
import urllib.request
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUNDLE = ROOT / "models/shapes"
GRAPHS = ["objects", "vision", "text", "fusion", "association"]


def golden():
    """Recorded inputs and outputs by graph and name, from the bundle's safetensors file."""
    raw = (BUNDLE / "golden.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    types = {"F32": np.float32, "I64": np.int64, "U8": np.uint8, "BOOL": np.bool_}
    recorded = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = np.frombuffer(raw[begin:end], dtype=types[entry["dtype"]]).reshape(entry["shape"])
        graph, kind, tensor = name.split("/")
        recorded.setdefault(graph, {"in": {}, "out": {}})[kind][tensor] = values
    return recorded


def tensor(name, values, binary=True):
    given = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    given.set_data_from_numpy(values, binary_data=binary)
    return given


def close(found, expected, bound, what):
    assert found.shape == expected.shape, f"{what}: {found.shape} is not {expected.shape}"
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    apart = np.max(np.abs(found - expected) / (1 + np.abs(expected)))
    assert apart <= bound, f"{what} differs by {apart}"


def refused(status, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except InferenceServerException as error:
        assert error.status() == str(status), f"{error} instead of {status}"
        assert error.message() and "decoding" not in error.message(), error
    else:
        raise AssertionError(f"{arguments} was not refused with {status}")


def check_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    version = json.loads((BUNDLE / "manifest.json").read_text())["version"]
    for graph in GRAPHS:
        model = f"shapes.{graph}"
        assert client.is_model_ready(model) and client.is_model_ready(model, version)
        metadata = client.get_model_metadata(model)
        assert metadata == client.get_model_metadata(model, version)
        assert metadata["versions"] == [version]
        for kind, recorded in (("inputs", RECORDED[graph]["in"]), ("outputs", RECORDED[graph]["out"])):
            found = {entry["name"]: entry for entry in metadata[kind]}
            assert found.keys() == recorded.keys(), metadata
            for name, values in recorded.items():
                assert found[name]["datatype"] == np_to_triton_dtype(values.dtype)
                sizes = zip(found[name]["shape"], values.shape, strict=True)
                assert all(size in (-1, real) for size, real in sizes), found[name]
    assert not client.is_model_ready("shapes.colours") and not client.is_model_ready("shapes.text", "0")
    refused(404, client.get_model_metadata, "shapes.colours")
    refused(404, client.get_model_metadata, "shapes.text", "0")


def check_golden(client):
    bound = json.loads((BUNDLE / "manifest.json").read_text())["form"]["tolerance"]
    for graph in GRAPHS:
        inputs, outputs = RECORDED[graph]["in"], RECORDED[graph]["out"]
        # All as binary data, all as JSON, and some of each; then the same of the outputs.
        for binary in (lambda _: True, lambda _: False, lambda index: index % 2 == 0):
            given = [tensor(name, values, binary(index)) for index, (name, values) in enumerate(inputs.items())]
            wanted = [triton.InferRequestedOutput(name, binary(index)) for index, name in enumerate(outputs)]
            for asked in (None, wanted):
                result = client.infer(f"shapes.{graph}", given, outputs=asked, request_id="7")
                assert result.get_response()["id"] == "7"
                for name, expected in outputs.items():
                    close(result.as_numpy(name), expected, bound, f"{graph}/{name}")


def check_choices(client):
    given = [tensor(name, values) for name, values in RECORDED["fusion"]["in"].items()]
    wanted = [triton.InferRequestedOutput("match"), triton.InferRequestedOutput("vqa", binary_data=False)]
    result = client.infer("shapes.fusion", given, outputs=wanted)
    assert [output["name"] for output in result.get_response()["outputs"]] == ["match", "vqa"]
    assert result.as_numpy("entailment") is None
    for algorithm in ("gzip", "deflate"):
        compressed = client.infer(
            "shapes.fusion",
            given,
            outputs=wanted,
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        for name in ("match", "vqa"):
            assert np.array_equal(compressed.as_numpy(name), result.as_numpy(name)), algorithm
    pending = [client.async_infer("shapes.fusion", given, outputs=wanted) for _ in range(8)]
    for one in pending:
        assert np.array_equal(one.get_result().as_numpy("vqa"), result.as_numpy("vqa"))


def check_errors(client):
    tokens, mask = (RECORDED["text"]["in"][name] for name in ("tokens", "token_mask"))
    infer = lambda *given, **options: client.infer("shapes.text", [*given], **options)  # noqa: E731
    good = [tensor("tokens", tokens), tensor("token_mask", mask)]
    for given in (
        [good[0]],
        [*good, good[0]],
        [*good, tensor("pixels", mask)],
        [tensor("tokens", tokens.astype(np.int32)), good[1]],
        [tensor("tokens", tokens.astype(np.float16)), good[1]],
        [tensor("tokens", np.full(tokens.shape, "a", dtype=np.object_)), good[1]],
        [tensor("tokens", tokens[:1]), good[1]],
        [tensor("tokens", tokens[:, :0]), tensor("token_mask", mask[:, :0])],
        [tensor("tokens", np.tile(tokens, (1, 9))), tensor("token_mask", np.tile(mask, (1, 9)))],
        [tensor("tokens", np.tile(tokens, (99, 1))), tensor("token_mask", np.tile(mask, (99, 1)))],
        [tensor("tokens", tokens + 10**6), good[1]],
        [tensor("tokens", -tokens - 1), good[1]],
        [triton.InferInput("tokens", list(tokens.shape), "INT64"), good[1]],
    ):
        refused(400, infer, *given)
    refused(400, infer, *good, outputs=[triton.InferRequestedOutput("vqa")])
    refused(400, infer, *good, outputs=[triton.InferRequestedOutput("textual", class_count=2)])
    refused(404, infer, *good, model_version="0")
    refused(404, client.infer, "shapes.colours", good)
    refused(400, infer, *good, headers={"Content-Encoding": "gzip"})
    assert infer(*good).as_numpy("textual") is not None


def check_path(client, server):
    """A picture and a text through the four graphs give the score that /v1/match gives."""
    side = 128
    picture = np.full((side, side, 3), 240, dtype=np.uint8)
    picture[40:90, 30:80] = (210, 40, 40)
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    png = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)
    text = "a red square"
    body = json.dumps({"image": {"base64": base64.b64encode(png).decode()}, "text": text}).encode()
    request = urllib.request.Request(f"http://{server}/v1/match", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        expected = json.load(answer)["scores"][0][0]

    def run(graph, **inputs):
        return client.infer(f"shapes.{graph}", [tensor(name, values) for name, values in inputs.items()])

    ids = json.loads((BUNDLE / "tokenizer.json").read_text())["model"]["vocab"]
    tokens = np.array([[ids[word] for word in ["[CLS]", *text.split(), "[SEP]"]]], dtype=np.int64)
    seen = run("objects", pixels=picture[None])
    objects = {name: seen.as_numpy(name) for name in ("features", "boxes", "object_mask")}
    mask = np.ones(tokens.shape, dtype=np.bool_)
    fused = run(
        "fusion",
        visual=run("vision", **objects).as_numpy("visual"),
        object_mask=objects["object_mask"],
        textual=run("text", tokens=tokens, token_mask=mask).as_numpy("textual"),
        token_mask=mask,
    )
    score = 1 / (1 + np.exp(-fused.as_numpy("match")))
    close(score, np.array([[expected]]), 1e-3, "the score of a match")


def start(binary):
    """A server on a free port and its address, once it is ready."""
    process = subprocess.Popen(
        [binary, "serve", "--bind", "127.0.0.1:0"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    address = process.stdout.readline().strip().removeprefix("http://")
    with triton.InferenceServerClient(address) as client:
        while not client.is_server_ready():
            assert process.poll() is None, f"{binary} ended before it was ready"
    return process, address


def main(options):
    process, server = (None, options.server) if options.server else start(Path(options.binary).resolve())
    try:
        with triton.InferenceServerClient(server, concurrency=4) as client:
            check_metadata(client)
            check_golden(client)
            check_choices(client)
            check_errors(client)
            check_path(client, server)
    finally:
        if process:
            process.terminate()
            process.wait()
    print("tritonclient gets from the server what it expects")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", metavar="HOST:PORT", help="a running server; else one is started")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    parser.add_argument("--binary", default=target / "release/cmal", help="what to start [%(default)s]")
    parser.add_argument("--packages", default=target / "tmp", help="where the package is installed [%(default)s]")
    chosen = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    from packages import installed

    sys.path.insert(0, str(installed(HERE / "requirements.txt", Path(chosen.packages))))

    import numpy as np
    import tritonclient.http as triton
    from tritonclient.utils import InferenceServerException, np_to_triton_dtype

    RECORDED = golden()
    main(chosen)
