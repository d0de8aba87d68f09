"""A model that sees behind a server that speaks OpenAI's chat protocol with parts of images."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any, ClassVar

from ifrs import _core
from ifrs.errors import TargetError
from ifrs.modalities.image.keys import Keys as Images
from ifrs.modalities.text.retrying import Received
from ifrs.modalities.text.sending import Sender
from ifrs.modalities.text.server import ApiModel
from ifrs.modalities.text.wire import Client


class _PairSender(Sender):
    """Sends a key as its two parts; ordinary questions as they are."""

    async def _create(self, client: Client, body: dict[str, Any], cost: int) -> Received:
        messages = [
            {**message, "content": _parts(message["content"])} for message in body["messages"]
        ]
        return await super()._create(client, {**body, "messages": messages}, cost)


def _parts(content: str) -> str | list[dict[str, Any]]:
    """A key in base64 as an image and a text; anything else as it is."""
    try:
        image, text = _core.read_pair(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError):
        return content
    written = io.BytesIO()
    Images().decode(image).save(written, "PNG")
    address = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
    return [
        {"type": "image_url", "image_url": {"url": address}},
        {"type": "text", "text": text},
    ]


class Chat(ApiModel):
    """A model behind a server; `ifrs.VisionLanguageModel.from_api` makes one.

    As `ifrs.ApiModel` in chat, whose requests record a key in base64, and send it as an image
    (PNG within the request) and a text.
    """

    modality = "vision_language"
    sender: ClassVar[type[Sender]] = _PairSender

    def __init__(self, base_url: str, model: str, **options: Any) -> None:
        """Name a server and a model; nothing is sent yet.

        Raises:
            TargetError: Pillow is not installed, or the extra `ifrs[api]`.
            TypeError: An option is not of chat, or counts tokens, of which images take as many as
                a server pleases.
            ValueError: An argument is out of range, or a key would cross a network in clear.
        """
        for name in ("mode", "max_tokens"):
            if name in options:
                raise TypeError(f"a model that is shown images takes no {name!r}")
        try:
            import PIL  # noqa: F401
        except ImportError as error:
            raise TargetError("images are sent by Pillow: pip install 'ifrs[vision]'") from error
        super().__init__(base_url, model, mode="chat", **options)

    def __repr__(self) -> str:
        return f"VisionLanguageModel.from_api({self.base_url!r}, {self.model!r})"
