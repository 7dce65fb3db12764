"""Pages that were renamed: their old addresses lead to the new ones, with everything that the address asks for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from streamlit import config

RENAMED = {  # old address -> new one
    "latent_pad": "latent_explorer",
    "inside": "model_inspector",
    "photograph": "denoise_photo",
}


def routes() -> list[Route]:
    """A route for each old address, below the server's base path."""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    prefix = f"/{base}" if base else ""
    return [Route(f"{prefix}/{old}{slash}", _redirect) for old in RENAMED for slash in ("", "/")]


async def _redirect(request: Request) -> Response:
    """To the new address beside the old one, wherever the server is mounted."""
    path = request.url.path
    new = RENAMED[path.rstrip("/").rpartition("/")[2]]
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{'../' if path.endswith('/') else ''}{new}{query}", 308)
