"""Where pages take their templates from."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ifrs.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str, extra: str) -> Environment:
    """The templates of a package, with escaping on whatever their names.

    Every text that a template writes passes `visible`: what is hidden in it is shown.

    Raises:
        ImportError: jinja2 is missing.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(f"pages need jinja2: pip install 'ifrs[{extra}]'") from error
    folder = files(package).joinpath("templates")
    # jinja2's own choice of what to escape goes by file name, and by that rule
    # "verification.html.j2" would go unescaped.
    return Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: Any) -> Any:
    # Markup is ours: a plot, or what a macro wrote.
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
