"""Without any one of the checks in ``tokens.py``, an attack succeeds or is rejected for another reason.

Each mutant is the module's source with one change: a ``_require``, a guarded ``raise``, an exception handler, an
operand, a bound or a hook of the JSON parser is removed, or ``fullmatch`` is replaced by ``match``. Each mutant
verifies all tokens in ``attacks.py``. A mutant with the same results as the original reveals an untested check.
"""

import ast
import types
from pathlib import Path

import pytest

from chalicelib.security import tokens
from chalicelib.security.signing_keys import SigningKeys
from testbed.pool import KeyServer, Pool
from tests.security.attacks import ATTACKS, COGNITO_ONLY, ODDITIES

SOURCE = Path(tokens.__file__).read_text()


class Nth(ast.NodeTransformer):
    """Applies the ``n``-th of all possible changes to a module."""

    def __init__(self, n):
        self.n = n
        self.seen = 0
        self.made = None

    def _is_next(self, node, what):
        self.seen += 1
        if self.seen - 1 == self.n:
            self.made = f"line {node.lineno}: {what}: {ast.unparse(node).splitlines()[0]}"
            return True
        return False

    def visit_Expr(self, node):
        is_check = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "_require"
        if is_check and self._is_next(node, "check removed"):
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_If(self, node):
        if all(isinstance(step, ast.Raise) for step in node.body) and self._is_next(node, "guard removed"):
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_BoolOp(self, node):
        for index in range(len(node.values)):
            if self._is_next(node, f"operand {index} removed"):
                rest = node.values[:index] + node.values[index + 1 :]
                return rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(node.op, rest), node)
        return self.generic_visit(node)

    def visit_Compare(self, node):
        terms = [node.left, *node.comparators]
        if len(node.ops) > 1:
            for index, operator in enumerate(node.ops):
                if self._is_next(node, f"all but bound {index} removed"):
                    return ast.copy_location(ast.Compare(terms[index], [operator], [terms[index + 1]]), node)
        return self.generic_visit(node)

    def visit_Try(self, node):
        if self._is_next(node, "handler removed"):
            return node.body
        return self.generic_visit(node)

    def visit_Call(self, node):
        if getattr(node.func, "attr", "") == "loads":
            for index, keyword in enumerate(node.keywords):
                if self._is_next(node, f"hook {keyword.arg} removed"):
                    del node.keywords[index]
                    return node
        return self.generic_visit(node)

    def visit_Attribute(self, node):
        if node.attr == "fullmatch" and self._is_next(node, "match instead of fullmatch"):
            node.attr = "match"
        return self.generic_visit(node)


def mutant(n):
    """Return the module with its ``n``-th change and a description of it, or ``None`` if there is no such change."""
    change = Nth(n)
    tree = ast.fix_missing_locations(change.visit(ast.parse(SOURCE)))
    if change.made is None:
        return None
    module = types.ModuleType("chalicelib.security.tokens")
    exec(compile(tree, "mutant of tokens.py", "exec"), module.__dict__)
    return module, change.made


def mutants():
    n = 0
    while (made := mutant(n)) is not None:
        yield made
        n += 1


def outcomes(module, pool, keys, authorizations):
    """Return the verifier's result for each authorization: a reason, the name of an error, or ``"passes"``."""
    verifier = module.Verifier(pool.issuer, {pool.client_id}, keys)
    result = []
    for authorization, uses in authorizations:
        try:
            verifier.verify(authorization, uses)
            result.append("passes")
        except Exception as error:  # noqa: BLE001
            result.append(str(getattr(error, "reason", type(error).__name__)))
    return result


@pytest.fixture(scope="module")
def bench():
    pool = Pool()
    server = KeyServer(pool.key.jwk)
    keys = SigningKeys(server.url)
    both: tuple[str, ...] = ("id", "access")
    id_only: tuple[str, ...] = ("id",)
    authorizations = [(attack.authorization(pool), both) for attack in ATTACKS]
    authorizations += [(attack.authorization(pool), id_only) for attack in COGNITO_ONLY]
    authorizations += [(oddity.authorization(pool), both) for oddity in ODDITIES]
    yield pool, keys, authorizations
    server.close()


MUTANTS = list(mutants())


def test_there_are_mutants_of_every_kind():
    assert len(MUTANTS) >= 35
    for kind in ("check", "guard", "operand", "bound", "handler", "hook", "fullmatch"):
        assert any(kind in made for _, made in MUTANTS)


@pytest.mark.parametrize(("module", "made"), MUTANTS, ids=[made for _, made in MUTANTS])
def test_a_mutant_returns_other_results_than_the_original(bench, module, made):
    pool, keys, authorizations = bench
    assert outcomes(module, pool, keys, authorizations) != outcomes(tokens, pool, keys, authorizations), made
