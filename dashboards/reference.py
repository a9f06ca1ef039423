"""The API reference at ``/docs``: the OpenAPI document as one plain page, made here because FastAPI's own page loads
its scripts and styles from a CDN. It has no script and requests only the style sheet.
"""

import json
from html import escape
from typing import Any

Node = dict[str, Any]


def reference(openapi: Node, base_url: str) -> str:
    """The page. ``base_url`` is used in the examples."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Gristmill API</title>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        "<link rel='icon' href='/static/favicon.svg'><link rel='stylesheet' href='/static/style.css'></head>",
        "<body class='reference'><main>",
        f"<h1>{escape(openapi['info']['title'])}</h1><p>{escape(openapi['info'].get('description', ''))}</p>",
        "<p><a href='/openapi.json'>openapi.json</a> · <a href='/'>dashboards</a></p>",
    ]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(path, method, operation, base_url))
    parts.append("<h2>Schemas</h2>")
    for name, schema in sorted(openapi.get("components", {}).get("schemas", {}).items()):
        parts.append(_schema(name, schema))
    parts.append("</main></body></html>")
    return "".join(parts)


def type_name(schema: Node) -> str:
    """A JSON schema in words: ``list of Score``, ``text or nothing``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(type_name(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    names = {"string": "text", "null": "nothing", "object": "object", "boolean": "true or false"}
    kind = str(schema.get("type", "any"))
    return f"time ({schema['format']})" if schema.get("format") == "date-time" else names.get(kind, kind)


def _operation(path: str, method: str, operation: Node, base_url: str) -> str:
    rows = [
        (
            parameter["name"],
            parameter["in"],
            parameter.get("required", False),
            parameter["schema"],
            parameter.get("description", ""),
        )
        for parameter in operation.get("parameters", [])
    ]
    body = _json_schema(operation.get("requestBody", {}))
    if body:
        rows.append(("body", "body", True, body, "a JSON object"))
    answer = next((_json_schema(reply) for code, reply in operation["responses"].items() if code.startswith("2")), None)
    table = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{where}</td><td>{'yes' if required else 'no'}</td>"
        f"<td>{_linked(schema)}</td><td>{escape(about)}</td></tr>"
        for name, where, required, schema, about in rows
    )
    head = "<tr><th>parameter</th><th>in</th><th>required</th><th>type</th><th>meaning</th></tr>"
    return (
        f"<section class='card'><h3><span class='verb'>{method.upper()}</span> <code>{escape(path)}</code></h3>"
        f"<p>{escape(operation.get('summary', ''))}{_role(operation)}</p>"
        + (f"<table>{head}{table}</table>" if rows else "")
        + (f"<p>Returns {_linked(answer)}.</p>" if answer else "")
        + f"<pre>{escape(_example(path, method, base_url))}</pre></section>"
    )


def _role(operation: Node) -> str:
    """What an operation needs beyond reading, where there are accounts."""
    role = operation.get("x-role", "viewer")
    return "" if role == "viewer" else f". Needs the role {escape(role)}."


def _example(path: str, method: str, base_url: str) -> str:
    url = base_url.rstrip("/") + path.replace("{doc_id}", "0123456789abcdef0123456789abcdef")
    if method == "get":
        return f"curl -s '{url}'"
    body = json.dumps({"checkpoint": "/data/checkpoints/my-model", "suites": ["reading"], "label": "my model"})
    return f"curl -s -X {method.upper()} -H 'content-type: application/json' -d '{body}' '{url}'"


def _json_schema(message: Node) -> Node | None:
    schema: Node | None = message.get("content", {}).get("application/json", {}).get("schema")
    return schema


def _linked(schema: Node) -> str:
    """The type, linked to its schema below when it has one."""
    text = type_name(schema)
    target = text.removeprefix("list of ")
    is_reference = "$ref" in schema or "$ref" in schema.get("items", {})
    return f"<a href='#{escape(target)}'>{escape(text)}</a>" if is_reference else escape(text)


def _schema(name: str, schema: Node) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_linked(kind)}</td>"
        f"<td>{'yes' if field in required else 'no'}</td><td>{escape(kind.get('description', ''))}</td></tr>"
        for field, kind in schema.get("properties", {}).items()
    )
    head = "<tr><th>field</th><th>type</th><th>required</th><th>meaning</th></tr>"
    about = escape(schema.get("description", ""))
    table = f"<table>{head}{rows}</table>" if rows else ""
    return f"<section class='card' id='{escape(name)}'><h3>{escape(name)}</h3><p>{about}</p>{table}</section>"
