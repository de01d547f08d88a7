"""Break the code in small ways, one at a time, and see which of the breaks the tests of that part notice.

cosmic-ray makes the mutants; a seed chooses some of each part, always the same ones while the code is the same. Each is
put into a copy of the tree, with the synchronous twin of an asynchronous module, and the tests of its part run until
one fails. Prints a line for each mutant, then a table of the parts. `make mutants` sets up what this needs.
"""

import argparse
import ast
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import unasync
from cosmic_ray.ast import get_ast  # pyright: ignore[reportMissingImports]
from cosmic_ray.mutating import mutate_code  # pyright: ignore[reportMissingImports]
from cosmic_ray.plugins import get_operator  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).resolve().parent.parent
# Operators whose mutants are seldom equivalent to the original.
OPERATORS = [
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "Gt_LtE")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "BitOr_BitAnd")),
    *("ReplaceUnaryOperator_Delete_Not", "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("ExceptionReplacer", "NumberReplacer", "ZeroIterationForLoop"),
]
CODEC = "scripts/templates/types.py.jinja"
RAW = ("{% raw %}\n", "{% endraw %}\n")
# By part: the modules that are broken (of the package, where they are no paths), and the tests that should notice, the
# quickest first.
PARTS: dict[str, tuple[str, str]] = {
    "call judgement": (
        "_call _response",
        "boundaries retries responses errors scope edges bounds requests operations deadline secrets",
    ),
    "checks": ("_checks _query", "boundaries refusals requests memories operations"),
    "codec": (CODEC, "boundaries models codec responses memories recorded"),
    "settings": ("_settings", "boundaries settings client client_life secrets tls imports"),
    "errors": ("errors", "boundaries errors retries secrets scope responses bulk"),
    "connections": (
        "_async/cells _async/network _async/send _async/pool _http _http1 _http1_async _http1_sync _deadline _short",
        "boundaries cells http1 connections deadline client_life short_way tls bounds edges",
    ),
    "handles": (
        "_async/conversation _async/handle _conversation _turns",
        "boundaries conversation custom_role",
    ),
    "bulk": (
        "bulk/_engine bulk/_jobs bulk/_journal bulk/_plan bulk/_run bulk/_gate bulk/_record",
        "boundaries bulk bulk_input bulk_journal cli_many",
    ),
    "sandbox": (
        "sandbox/_core sandbox/_store sandbox/_conversation_meta sandbox/_schema sandbox/_spec sandbox/_faults",
        "sandbox sandbox_requests sandbox_spec recorded sandbox_faults sandbox_carriers sandbox_clients "
        "sandbox_memories sandbox_store",
    ),
    "spec check": ("scripts/check_spec.py", "check_spec"),
}
# A run that takes this many seconds hangs: it counts as noticed.
LIMIT = 900


class Mutant(NamedTuple):
    part: str
    module: str
    operator: str
    occurrence: int
    line: int
    was: str
    became: str
    text: str

    def label(self) -> str:
        return f"{self.module}:{self.line} {self.operator}.{self.occurrence}: {self.was} => {self.became}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=ROOT, help="the checkout whose code is broken and tests are run")
    parser.add_argument("--python", default=str(ROOT / ".venv/bin/python"), help="an interpreter set up for the tests")
    parser.add_argument("--each", type=int, default=17, help="how many mutants a part")
    parser.add_argument("--out", type=Path, help="a JSON file of what was found, which another run goes on from")
    parser.add_argument("--only", help="only mutants whose label has this text")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    known = json.loads(options.out.read_text()) if options.out and options.out.exists() else {}
    waiting: queue.Queue[Mutant] = queue.Queue()
    chosen = [mutant for part in options.parts or PARTS for mutant in sample(options.tree, part, options.each)]
    chosen = [mutant for mutant in chosen if (options.only or "") in mutant.label()]
    for mutant in chosen:
        if mutant.label() not in known:
            waiting.put(mutant)
    lock = threading.Lock()

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="evermemos-mutant-") as folder:
            tree = Path(folder) / "tree"
            shutil.copytree(options.tree, tree, ignore=shutil.ignore_patterns(".venv*", ".git", "build", ".*_cache"))
            while True:
                try:
                    mutant = waiting.get_nowait()
                except queue.Empty:
                    return
                start = time.monotonic()
                result = attempt(mutant, tree, options.tree, options.python)
                with lock:
                    known[mutant.label()] = {"part": mutant.part, "killed_by": result}
                    print(f"{time.monotonic() - start:5.0f} s  {mutant.label()}  {result or 'SURVIVED'}", flush=True)
                    if options.out:
                        options.out.write_text(json.dumps(known, indent=1))

    threads = [threading.Thread(target=work) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total, killed = Counter[str](), Counter[str]()
    for mutant in chosen:
        total[mutant.part] += 1
        killed[mutant.part] += bool(known[mutant.label()]["killed_by"])
    print("\n| part | mutants | killed |\n|---|---|---|")
    for part, count in total.items():
        print(f"| {part} | {count} | {killed[part]} |")
    print(f"| all | {total.total()} | {killed.total()} = {killed.total() / total.total():.1%} |")
    return 0


def sample(tree: Path, part: str, count: int) -> list[Mutant]:
    """Choose mutants of a part, always the same ones, of each operator about as many as of another."""
    chance, places = random.Random(f"evermemos {part}"), dict[str, list[tuple[str, int]]]()
    modules = [name if "." in name else f"src/evermemos/{name}.py" for name in PARTS[part][0].split()]
    sources = {module: (tree / module).read_text() for module in modules}
    sources = {module: text.removeprefix(RAW[0]).removesuffix(RAW[1]) for module, text in sources.items()}
    for name in OPERATORS:
        places[name] = [(module, n) for module, code in sources.items() for n in range(occurrences(name, code))]
        chance.shuffle(places[name])
    found: dict[tuple[str, int], Mutant] = {}
    while len(found) < count and any(places.values()):
        for name in OPERATORS:
            mutant = None
            while mutant is None and places[name]:
                module, occurrence = places[name].pop()
                mutant = make(part, module, sources[module], name, occurrence)
            # One a line: two on a line are much the same question.
            if mutant is not None and len(found) < count:
                found.setdefault((mutant.module, mutant.line), mutant)
    return list(found.values())


def occurrences(name: str, code: str) -> int:
    """Count the places of a module that an operator would change."""
    operator, waiting, count = get_operator(f"core/{name}")(), [get_ast(code)], 0
    while waiting:
        node = waiting.pop()
        count += sum(1 for _ in operator.mutation_positions(node))
        waiting += getattr(node, "children", ())
    return count


def make(part: str, module: str, code: str, name: str, occurrence: int) -> Mutant | None:
    """Make a mutant, if it could matter at run time."""
    try:
        mutated = mutate_code(code, get_operator(f"core/{name}")(), occurrence)
        if mutated is None or executed(mutated) == executed(code):
            return None
    except (AttributeError, SyntaxError):
        # What the operator cannot write, such as an exception with a dot in its name.
        return None
    pairs = enumerate(zip(code.splitlines(), mutated.splitlines(), strict=False), 1)
    line, (was, became) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    if name.startswith("ReplaceBinaryOperator") and "*," in was:
        # The mark of keyword arguments, which cosmic-ray takes for a product.
        return None
    return Mutant(part, module, name, occurrence, line, was.strip(), became.strip(), mutated)


def executed(code: str) -> str:
    """Return what a module does, without annotations, and without what only type checkers read."""

    class Strip(ast.NodeTransformer):
        def visit_arg(self, node: ast.arg) -> ast.AST:
            node.annotation = None
            return node

        def visit_FunctionDef(self, node: Any) -> ast.AST:
            node.returns = None
            return self.generic_visit(node)

        visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

        def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
            node.annotation = ast.Constant(None)
            return self.generic_visit(node)

        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if "TYPE_CHECKING" in ast.dump(node.test) else self.generic_visit(node)

    return ast.dump(Strip().visit(ast.parse(code)))


def attempt(mutant: Mutant, tree: Path, original: Path, python: str) -> str | None:
    """Run the tests of its part with a mutant in place. Returns the test that noticed it, or None."""
    written = {mutant.module: mutant.text}
    if mutant.module == CODEC:
        written = {CODEC: mutant.text.join(RAW), "generated/evermemos_api/types.py": mutant.text}
    if "/_async/" in mutant.module:
        written[mutant.module.replace("/_async/", "/_sync/")] = unasync.translate(mutant.text)
    for path, text in written.items():
        (tree / path).write_text(text)
    try:
        return run(tree, PARTS[mutant.part][1].split(), python)
    finally:
        for path in written:
            shutil.copy(original / path, tree / path)


def run(tree: Path, names: list[str], python: str) -> str | None:
    tests = [f"tests/test_{name}.py" for name in names if (tree / f"tests/test_{name}.py").exists()]
    command = [python, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    paths = os.pathsep.join(str(tree / name) for name in ("src", "generated", "scripts"))
    env = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command, cwd=tree, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "(hangs)"
    if process.returncode == 0:
        return None
    failed = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0][:160] if failed else f"(exit code {process.returncode}) {output.strip()[-160:]}"


if __name__ == "__main__":
    sys.exit(main())
