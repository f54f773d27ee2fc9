"""The HTML report: one file that holds its style, its charts and the program that draws them."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import subprocess
import sys
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from headstart.cache import cached
from headstart.errors import DataError
from headstart.reports import numbers
from headstart.reports.charts.renderer import renderer_version
from headstart.reports.charts.theme import DARK, LIGHT
from headstart.reports.page import Page


def render(page: Page, bundle: str) -> str:
    """The page as one self-contained HTML document that loads nothing; words of a study are escaped.

    `bundle` is the program that draws the charts, as `bundle_of_vega` gives it.
    """
    script = _file("report.js")
    charts = {figure.key: figure.spec for figure in page.figures()}
    data = inline_json({"themes": {"light": LIGHT.vega(), "dark": DARK.vega()}, "charts": charts})
    return template(_file("report.html.j2")).render(
        page=page,
        policy=policy(bundle, script),
        light=LIGHT.variables(),
        dark=DARK.variables(),
        arm_colours=len(LIGHT.arms),
        css=Markup(_file("report.css")),  # noqa: S704 our own files, not a study's words
        data=Markup(data),  # noqa: S704 escaped for a script element by inline_json
        bundle=Markup(bundle),  # noqa: S704
        script=Markup(script),  # noqa: S704
    )


@functools.cache
def template(text: str) -> jinja2.Template:
    """A template that escapes a study's words; compiling it takes longer than filling it in."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        finalize=numbers.unbroken,
    )
    return environment.from_string(text)


def hashed(*texts: str) -> str:
    """Scripts or styles as a content security policy allows them."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def policy(*scripts: str) -> str:
    """A content security policy: these scripts by their hash, inline styles, and nothing from anywhere."""
    return (
        f"default-src 'none'; script-src {hashed(*scripts)}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@functools.cache
def bundle_of_vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one program (about 0.9 MB), from vl-convert: no download.

    Kept in the cache, since making it takes two seconds. "" where vl-convert cannot be run.
    """
    name = f"vega-{renderer_version()}.js"
    try:
        return cached(name, lambda path: path.write_bytes(_bundle().encode())).read_bytes().decode()
    except subprocess.CalledProcessError:
        return ""
    except (DataError, OSError):  # a cache that cannot be used
        return _bundle()


def _bundle() -> str:
    # A process of its own: bundling takes a time that build() spends on comparing and drawing.
    program = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, check=True)  # noqa: S603
    return done.stdout.decode().replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r", "")


def inline_json(value: Any) -> str:
    """JSON that no HTML parser can leave: inside a script element, '<' and '&' only occur as escapes."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _file(name: str) -> str:
    return resources.files("headstart.reports").joinpath(name).read_text(encoding="utf-8")
