"""Makes a program smaller for as long as it still shows a difference.

Every edit takes something away or replaces it by something simpler, so that shrinking ends. An edit
is tried on a copy, and kept if the copy still diverges.
"""

import functools
import re
import time

from .render import program_text
from .tree import PLAIN_SETTINGS, Node, blocks_of, copied, nodes_in, operand_lists_of

LONGEST = 120.0
"""Seconds after which the smallest program so far is good enough."""


def shrink(program, diverges, settings=None, longest=LONGEST):
    """Return a smaller program that still diverges.

    Args:
        program: One that does.
        diverges: Whether a program does.
        settings: The simplest ones to try; the plain ones when ``None``.
        longest: Seconds to go on for.
    """
    deadline = time.monotonic() + longest
    plainer = functools.partial(_settings, plain=settings or PLAIN_SETTINGS)
    size = None
    while size != (size := len(program_text(program))):
        for candidates in (plainer, _fewer_statements, _unwrapped, _fewer_operands, _simpler):
            program = _improve(program, candidates, diverges, deadline)
    return program


def _improve(program, candidates, diverges, deadline):
    """Try each candidate; after one that diverges, go on with what comes next in that one."""
    number = 0
    while time.monotonic() < deadline:
        candidate = next(_skipping(candidates(program), number), None)
        if candidate is None:
            break
        smaller = _without_unused_functions(candidate)
        if diverges(smaller):
            program = smaller
        else:
            number += 1
    return program


def _skipping(candidates, count):
    for number, make in enumerate(candidates):
        if number >= count:
            yield make()


def _settings(program, plain):
    for name, value in plain.items():
        if program.settings[name] != value:
            yield lambda name=name, value=value: _with_setting(program, name, value)


def _with_setting(program, name, value):
    changed = copied(program)
    changed.settings[name] = value
    return changed


def _fewer_statements(program):
    for index, block in enumerate(blocks_of(program)):
        yield from _cuts(program, blocks_of, index, len(block))


def _fewer_operands(program):
    for index, operands in enumerate(operand_lists_of(program)):
        yield from _cuts(program, operand_lists_of, index, len(operands))


def _cuts(program, lists_of, index, length):
    size = length
    while size:
        for start in range(0, length, size):
            yield lambda start=start, size=size: _replaced(
                program, lists_of, index, start, start + size, []
            )
        size //= 2


def _replaced(program, lists_of, index, start, end, new):
    changed = copied(program)
    lists_of(changed)[index][start:end] = new
    return changed


def _unwrapped(program):
    """Put the statements of one clause in place of the whole, or leave out a handler."""
    for index, block in enumerate(blocks_of(program)):
        for at, node in enumerate(block):
            for clause, (_, inner) in enumerate(node.clauses):
                yield lambda index=index, at=at, inner=inner: _replaced(
                    program, blocks_of, index, at, at + 1, inner
                )
                if clause and len(node.clauses) > 2:
                    rest = node.clauses[:clause] + node.clauses[clause + 1 :]
                    fewer = Node(node.text, node.operands, rest)
                    yield lambda index=index, at=at, fewer=fewer: _replaced(
                        program, blocks_of, index, at, at + 1, [fewer]
                    )


_SIMPLER = (
    (r", context=contexts\[\"\w+\"\]", ""),
    (r", context=contextvars.copy_context\(\)", ""),
    (r", timeout=[-\d.e]+", ""),
    (r", return_exceptions=True", ""),
    (r", name=fresh\(\"\w+\"\)", ""),
    (r"call_soon_threadsafe", "call_soon"),
    (r"call_at\(loop\.time\(\) \+ ", "call_later("),
    (r"call_later\([-\d.e]+, ", "call_soon("),
    (r"sleep\([-\d.e]+", "sleep(0"),
    (r", \"(m\d+|slept \d+)\"", ""),
    (r"range\(\d+\)", "range(1)"),
    (r"cancel_all\(\)", "run_turns(1)"),
)


def _simpler(program):
    """Make the text of one node simpler."""
    outer = [program.outside, *(function.body for function in program.functions)]
    nodes = [node for block in outer for node in nodes_in(block)]
    for index, node in enumerate(nodes):
        for pattern, plain in _SIMPLER:
            headers = [re.sub(pattern, plain, header) for header, _ in node.clauses]
            text = re.sub(pattern, plain, node.text)
            if (text, headers) != (node.text, [header for header, _ in node.clauses]):
                yield lambda index=index, text=text, headers=headers: _with_text(
                    program, index, text, headers
                )


def _with_text(program, index, text, headers):
    changed = copied(program)
    outer = [changed.outside, *(function.body for function in changed.functions)]
    node = [node for block in outer for node in nodes_in(block)][index]
    node.text = text
    node.clauses = [(new, block) for new, (_, block) in zip(headers, node.clauses, strict=True)]
    return changed


def _without_unused_functions(program):
    while True:
        for function in program.functions:
            others = copied(program)
            others.functions = [one for one in others.functions if one.name != function.name]
            if not re.search(rf"\b{function.name}\b", _code(others)):
                program = others
                break
        else:
            return program


def _code(program):
    """Return the text of a program without its strings, which also name functions."""
    return re.sub(r'"[^"]*"', "", program_text(program))
