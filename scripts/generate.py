"""Derive what is derived: the client package under generated/ from openapi.yaml, the sync half from the async one.

Usage: generate.py          write both
       generate.py --check  write nothing; exit 1 with a list where the tree differs from what would be written
"""

import argparse
import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import unasync
import yaml
from openapi_python_client.config import ConfigFile

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "openapi.yaml"
CONFIG = ROOT / "generator-config.yaml"
TEMPLATES = ROOT / "scripts" / "templates"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
# Every derived path, and the command that makes it.
PACKAGE = Path("generated/evermemos_api")
PROVENANCE = Path("generated/provenance.json")
SYNC = Path("src/evermemos/_sync")
RECORD_SCHEMA = Path("src/evermemos/bulk/schema.json")
DERIVED = (PACKAGE, PROVENANCE, SYNC, RECORD_SCHEMA)
# What writing does about a difference.
WRITTEN = {"missing": "added", "extra": "removed", "changed": "changed"}
OPERATIONS = '''"""What openapi.yaml says of operations that their modules do not."""

from typing import Any, Final

# Operations that may be sent again after an unknown outcome.
SAFE_TO_REPEAT: Final = frozenset({safe})
# By operation, the names of its parameters in Python, and what their values may be.
PARAMETERS: Final[dict[str, dict[str, dict[str, Any]]]] = {parameters}
'''
# Source files left behind by an interpreter are not part of a tree.
IGNORED = {"__pycache__"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory(prefix="evermemos-generate-") as folder:
        made = Path(folder)
        try:
            derive(made)
        except Failure as failure:
            print(f"generate: {failure}", file=sys.stderr)
            return 1
        different = [change for path in DERIVED for change in compare(made / path, ROOT / path)]
        if check:
            for kind, path in different:
                print(f"{kind:<8} {path}", file=sys.stderr)
            if different:
                print("The derived code is not up to date. Run `make generate` and commit the result.", file=sys.stderr)
            else:
                print(f"up to date: {', '.join(map(str, DERIVED))}")
            return 1 if different else 0
        for path in DERIVED:
            replace(made / path, ROOT / path)
    for kind, path in different:
        print(f"{WRITTEN[kind]:<8} {path}")
    if not different:
        print("nothing to change")
    return 0


class Failure(Exception):
    """Generation cannot go on; the text says why."""


def derive(target: Path) -> None:
    check_config()
    generate_package(target / PACKAGE)
    document = yaml.safe_load(SPEC.read_text())
    write_spec(document, target / PACKAGE)
    check_operations(document, target / PACKAGE)
    describe_operations(document, target / PACKAGE)
    (target / PROVENANCE).write_text(json.dumps(provenance(target / PACKAGE), indent=2) + "\n")
    unasync.convert(ROOT / "src/evermemos/_async", target / SYNC)
    (target / RECORD_SCHEMA).parent.mkdir(parents=True)
    (target / RECORD_SCHEMA).write_text(json.dumps(record_schema(document), indent=1, ensure_ascii=False) + "\n")


def record_schema(document: dict[str, Any]) -> dict[str, object]:
    """Return a JSON Schema for files of records, by which an editor completes and checks.

    A record is what creates a conversation, of which all but group_id may be left out, since it may be there already.
    """
    components = document["components"]["schemas"]
    name, found = "CreateConversationMetaV1Request", dict[str, dict[str, object]]()
    waiting = [name]
    while waiting:
        if (component := waiting.pop()) not in found:
            schema = found[component] = dict(components[component])
            waiting += re.findall(r"'#/components/schemas/(\w+)'", str(schema))
            # Servers take unknown fields without a word; in a file they are mistakes.
            if "properties" in schema:
                schema["additionalProperties"] = False
    record = found.pop(name)
    record["required"] = ["group_id"]
    text = json.dumps({"Record": record, **found}).replace("#/components/schemas/", "#/$defs/")
    reference = {"$ref": "#/$defs/Record"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Conversations of EverMemOS",
        "description": "One record, or a list of them. null or a field left out: left alone on the server.",
        "anyOf": [reference, {"type": "array", "items": reference}],
        "$defs": json.loads(text),
    }


def check_config() -> None:
    """The generator ignores keys that it does not know, so a misspelt one would silently do nothing."""
    unknown = set(yaml.safe_load(CONFIG.read_text())) - set(ConfigFile.model_fields)
    if unknown:
        known = ", ".join(sorted(ConfigFile.model_fields))
        raise Failure(f"{CONFIG.name}: unknown key {', '.join(sorted(unknown))}. Known keys: {known}")


def generate_package(target: Path) -> None:
    target.parent.mkdir(parents=True)
    scripts = Path(sys.executable).parent
    command: list[str | Path] = [scripts / "openapi-python-client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", SPEC, "--config", CONFIG, "--custom-template-path", TEMPLATES, "--output-path", target]
    # The hooks call `ruff` by name: only the pinned one beside this interpreter may answer.
    env = {**os.environ, "PATH": os.pathsep.join([str(scripts), os.environ.get("PATH", os.defpath)])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"openapi-python-client failed:\n{done.stdout}{done.stderr}")
    (target / "py.typed").touch()


def write_spec(document: dict[str, Any], package: Path) -> None:
    """Write the spec as data, for the sandbox: JSON, since reading YAML takes a library and forty times as long."""
    (package / "openapi.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def check_operations(document: dict[str, Any], package: Path) -> None:
    """Two operations whose ids make one module name overwrite each other without a word."""
    operations = sum(method in METHODS for item in document["paths"].values() for method in item)
    modules = sum(path.name != "__init__.py" for path in (package / "api").rglob("*.py"))
    if operations != modules:
        raise Failure(f"{SPEC.name} has {operations} operations, the generator wrote {modules} modules")


def describe_operations(document: dict[str, Any], package: Path) -> None:
    """Write what the modules of operations do not say: which may be repeated, and the limits of parameters."""
    safe, parameters = set[str](), dict[str, dict[str, object]]()
    for operation in (item[method] for item in document["paths"].values() for method in item if method in METHODS):
        if operation.get("x-safe-to-repeat"):
            safe.add(operation["operationId"])
        if given := [resolved(document, parameter) for parameter in operation.get("parameters", ())]:
            parameters[operation["operationId"]] = {
                each["name"].lower().replace("-", "_"): limits(document, each["schema"]) for each in given
            }
    path = package / "operations.py"
    path.write_text(OPERATIONS.format(safe=sorted(safe), parameters=parameters))
    ruff = Path(sys.executable).parent / "ruff"
    subprocess.run([ruff, "format", "--isolated", "--no-cache", "--quiet", "--line-length", "120", path], check=True)


def limits(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema says of a value, without what it says to people."""
    schema = resolved(document, schema)
    kept = {key: schema[key] for key in ("type", "enum", "minimum", "maximum") if key in schema}
    return kept | ({"items": limits(document, schema["items"])} if "items" in schema else {})


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for key in node.get("$ref", "").split("/")[1:]:
        document = document[key]
    return document if "$ref" in node else node


def provenance(package: Path) -> dict[str, object]:
    return {
        "openapi-python-client": version("openapi-python-client"),
        "ruff": version("ruff"),
        "inputs": {str(path.relative_to(ROOT)): sha256(path) for path in [SPEC, CONFIG, *sorted(TEMPLATES.iterdir())]},
        "output": tree_hash(package),
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree_hash(folder: Path) -> str:
    lines = (f"{sha256(folder / path)}  {path}\n" for path in files(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def files(folder: Path) -> list[str]:
    """All files below a folder (or the one file), as sorted relative paths with forward slashes."""
    if folder.is_file():
        return ["."]
    found = (path for path in folder.rglob("*") if path.is_file() and not IGNORED & set(path.parts))
    return sorted(path.relative_to(folder).as_posix() for path in found)


def compare(made: Path, kept: Path) -> list[tuple[str, Path]]:
    """What differs between a derived path and the one in the tree, file by file."""
    name = kept.relative_to(ROOT)
    new, old = set(files(made)), set(files(kept)) if kept.exists() else set[str]()
    changed = {path for path in new & old if not filecmp.cmp(made / path, kept / path, shallow=False)}
    kinds = {"missing": new - old, "extra": old - new, "changed": changed}
    return [(kind, name / path) for kind, paths in kinds.items() for path in sorted(paths)]


def replace(made: Path, kept: Path) -> None:
    """Put a derived path in the place of the old one, so that no stale file survives."""
    if kept.is_dir():
        shutil.rmtree(kept)
    shutil.copytree(made, kept) if made.is_dir() else shutil.copy(made, kept)


if __name__ == "__main__":
    sys.exit(main())
