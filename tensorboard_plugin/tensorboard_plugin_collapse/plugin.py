"""The plugin: thin routes over the reader, and the files of the front end (see docs/wire.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorboard import context as request_context
from tensorboard import plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from tensorboard.util import tb_logging
from werkzeug import wrappers

from collapse_magic.report import plain

from .merging_reader import MergingReader
from .reader import PLUGIN_NAME, LogReader
from .run_summary import summaries
from .standard_reader import AllReader, StandardReader
from .standard_summaries.summaries import SCALARS

STATIC = Path(__file__).parent / "static"
CONTENT_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
# Shown in the tab where the package was put together without its front end.
NOT_BUILT = """\
export function render() {
  document.body.style.cssText = "font: 16px sans-serif; margin: 2em; background: #fff; color: #222";
  document.body.textContent =
    "The Collapse tab is not built here: run `pip install -e .` in a clone of collapse-magic, " +
    "which builds it, and start TensorBoard again.";
}
"""

Handler = Callable[[wrappers.Request], Any]


class RequestError(Exception):
    """A request that cannot be answered; the sentence goes to the caller."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class CollapsePlugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """Serves the *Collapse* tab and its data."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: Any) -> None:
        self._provider = context.data_provider
        self._reader = AllReader(
            MergingReader(LogReader(self._provider)), StandardReader(self._provider)
        )

    def get_plugin_apps(self) -> Mapping[str, Any]:
        return {
            "/runs": _route(self._runs),
            "/run": _route(self._run),
            "/series": _route(self._series),
            "/explanation": _route(_explanation),
            "/index.js": _route(_index_js),
            "/assets/*": _route(_asset),
        }

    def is_active(self) -> bool:
        """Whether any run holds something of ours, or scalars, which rules may say something of."""
        ctx = request_context.RequestContext()
        plugins = self._provider.list_plugins(ctx, experiment_id="") if self._provider else ()
        return bool({PLUGIN_NAME, SCALARS} & set(plugins or ()))

    def frontend_metadata(self) -> Any:
        return base_plugin.FrontendMetadata(es_module_path="/index.js", tab_name="Collapse")

    def _runs(self, request: wrappers.Request) -> Any:
        runs = self._reader.runs(*_where(request))
        return _json(request, {"runs": summaries(runs)})

    def _run(self, request: wrappers.Request) -> Any:
        name = _argument(request, "run")
        run = self._reader.run(*_where(request), name)
        if run is None:
            raise RequestError(404, f"there is no run {name!r}")
        reply = {
            "run": run.name,
            "report": run.report,
            "facts": run.facts,
            "series": [tag.to_dict() for tag in run.series],
            "damaged": list(run.damaged),
        }
        return _json(request, reply)

    def _series(self, request: wrappers.Request) -> Any:
        run, tag = _argument(request, "run"), _argument(request, "tag")
        since, points = _step(request), _points(request)
        rows = self._reader.series(*_where(request), run, tag)
        if rows is None:
            raise RequestError(404, f"the run {run!r} has no series {tag!r}")
        if since is not None:
            rows = rows.after(since)
        if points is not None:
            rows = rows.sample(points)
        rows = rows.between(*_columns(request, rows.values.shape[1]))
        return http_util.Respond(request, rows.reply(), "application/octet-stream")


def _route(handler: Handler) -> Any:
    """A WSGI application; whatever goes wrong is said in JSON."""

    @wrappers.Request.application
    def application(request: wrappers.Request) -> Any:
        try:
            return handler(request)
        except RequestError as error:
            return _json(request, {"error": str(error)}, error.status)
        except Exception as error:
            tb_logging.get_logger().exception("collapse: %s", request.path)
            return _json(request, {"error": f"the log could not be read: {error}"}, 500)

    return application


def _json(request: wrappers.Request, data: Any, status: int = 200) -> Any:
    # A log may hold numbers that JSON has no words for, where a browser would stop at the whole.
    text = json.dumps(plain(data), allow_nan=False)
    return http_util.Respond(request, text, "application/json", code=status)


def _where(request: wrappers.Request) -> tuple[Any, str]:
    """Who asks, and for which experiment."""
    return plugin_util.context(request.environ), plugin_util.experiment_id(request.environ)


def _argument(request: wrappers.Request, name: str) -> str:
    value = request.args.get(name)
    if value is None:
        raise RequestError(400, f"the argument {name!r} is missing")
    return value


def _step(request: wrappers.Request) -> float | None:
    text = request.args.get("since")
    if not text:
        return None
    try:
        step = float(text)
    except ValueError:
        step = math.nan
    if not math.isfinite(step):
        raise RequestError(400, f"since is a step, a number, not {text!r}")
    return step


def _points(request: wrappers.Request) -> int | None:
    text = request.args.get("points")
    if not text:
        return None
    if not text.isdecimal() or not int(text):
        raise RequestError(400, f"points is a number of rows, at least 1, not {text!r}")
    return int(text)


def _columns(request: wrappers.Request, width: int) -> tuple[int, int]:
    text = request.args.get("columns")
    if not text:
        return 0, width
    first, _, end = text.partition(":")
    if not (first.isdecimal() and end.isdecimal() and int(first) < int(end) <= width):
        raise RequestError(400, f"columns are FIRST:END of {width} columns, not {text!r}")
    return int(first), int(end)


def _explanation(request: wrappers.Request) -> Any:
    from collapse_magic import rules

    name = _argument(request, "rule")
    try:
        text = rules.explanation(name)
    except ValueError as error:
        raise RequestError(404, str(error)) from None
    return _json(request, {"rule": name, "text": text})


def _index_js(request: wrappers.Request) -> Any:
    built = STATIC / "index.js"
    content = built.read_bytes() if built.is_file() else NOT_BUILT.encode()
    return http_util.Respond(request, content, CONTENT_TYPES[".js"])


def _asset(request: wrappers.Request) -> Any:
    wanted = request.path.partition("/assets/")[2]
    content_type = CONTENT_TYPES.get(Path(wanted).suffix)
    file = asset_path(wanted)
    if file is None or content_type is None:
        raise RequestError(404, "there is no such file")
    return http_util.Respond(request, file.read_bytes(), content_type)


def asset_path(wanted: str) -> Path | None:
    """The file of the front end with this name below `assets`; None for all else."""
    root = (STATIC / "assets").resolve()
    try:
        file = (root / wanted).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    except (ValueError, OSError):  # a null byte, a name too long
        return None
