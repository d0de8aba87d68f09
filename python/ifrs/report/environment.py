"""Where pages take their templates from."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str, extra: str) -> Environment:
    """The templates of a package, with escaping on whatever their names.

    Args:
        package: The package whose folder `templates` holds them.
        extra: The extra of ifrs that brings jinja2, for the error.

    Raises:
        ImportError: jinja2 is missing.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(f"pages need jinja2: pip install 'ifrs[{extra}]'") from error
    folder = files(package).joinpath("templates")
    # jinja2's own choice of what to escape goes by file name, and by that rule
    # "report.html.j2" would go unescaped.
    return Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
