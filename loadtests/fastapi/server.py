"""`POST /v1/vqa` as cmal serves it, in FastAPI: what cmal is compared with."""

import argparse
import asyncio
import base64
import binascii
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.datastructures import UploadFile
from uvicorn.supervisors import Multiprocess

from batching import Batcher, Overloaded
from model import Item, Model, Unusable

MODEL, CORES = "CMAL_FASTAPI_MODEL", "CMAL_FASTAPI_CORES"
MAX_BODY = 20 << 20


@asynccontextmanager
async def lifespan(app: FastAPI):
    cores = int(os.environ[CORES])
    app.state.model = Model(Path(os.environ[MODEL]))
    app.state.decoders = ThreadPoolExecutor(cores)
    app.state.batcher = Batcher(app.state.model.answer, cores)
    yield
    await app.state.batcher.close()
    app.state.decoders.shutdown()


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/health/ready")
async def ready() -> str:
    return "ready"


@app.post("/v1/vqa")
async def vqa(request: Request) -> Response:
    model: Model = app.state.model
    try:
        picture, question, top_k = await asked(request)
        tokens = model.read(question)
        # Decoding is most of the work in Python, and Pillow lets other threads run meanwhile.
        pixels = await asyncio.get_running_loop().run_in_executor(app.state.decoders, model.see, picture)
        answers = await app.state.batcher.submit(Item(pixels, tokens, top_k))
    except Unusable as error:
        return problem(error.status, str(error))
    except Overloaded:
        return problem(429, "too much is waiting", {"retry-after": "1"})
    return json_response(
        {
            "answer": answers[0][0],
            "answers": [{"answer": answer, "score": score} for answer, score in answers],
            "model": model.name,
        }
    )


async def asked(request: Request) -> tuple[bytes, str, int]:
    """The picture file, the question and top_k of a request in JSON or as a form."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if int(request.headers.get("content-length", 0)) > MAX_BODY:
        raise Unusable(413, "the body is too large")
    if kind == "application/json":
        try:
            body = orjson.loads(await request.body())
            picture, question, top_k = body["image"]["base64"], body["question"], body.get("top_k", 5)
            picture = base64.b64decode(picture, validate=True)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
            raise Unusable(400, f"the request can't be read: {error!r}") from error
    elif kind == "multipart/form-data":
        form = await request.form()
        image, question, top_k = form.get("image"), form.get("question"), form.get("top_k", "5")
        if not isinstance(image, UploadFile):
            raise Unusable(400, "the form has no file `image`")
        picture = await image.read()
        if not isinstance(top_k, str) or not top_k.strip().lstrip("-").isdigit():
            raise Unusable(400, "top_k is no integer")
        top_k = int(top_k)
    else:
        raise Unusable(415, "the body is neither JSON nor a form")
    if not isinstance(question, str) or not isinstance(top_k, int):
        raise Unusable(400, "question is a text and top_k an integer")
    if not 1 <= top_k <= 20:
        raise Unusable(422, "top_k is not from 1 to 20")
    return picture, question, top_k


def json_response(value: dict) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def problem(status: int, detail: str, headers: dict | None = None) -> Response:
    value = {"type": "about:blank", "status": status, "detail": detail}
    return Response(orjson.dumps(value), status, headers, "application/problem+json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models/shapes"), help="a bundle of cmal")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one, which is printed")
    parser.add_argument("--workers", type=int, default=1, help="processes, each with a model of its own")
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    os.environ[MODEL] = str(args.model)
    os.environ[CORES] = str(max(cores // args.workers, 1))
    config = uvicorn.Config(
        "server:app", host="127.0.0.1", port=args.port, workers=args.workers, log_level="warning", access_log=False
    )
    socket = config.bind_socket()
    print(f"http://127.0.0.1:{socket.getsockname()[1]}", flush=True)
    server = uvicorn.Server(config)
    if args.workers > 1:
        Multiprocess(config, target=server.run, sockets=[socket]).run()
    else:
        server.run(sockets=[socket])


if __name__ == "__main__":
    main()
