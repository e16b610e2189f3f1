"""A random program as data: settings, functions, and the statements in each.

A statement is text with places for operands, and may have clauses (``try:``, ``except …:``) with
statements in them. Every list in the tree may lose any of its members and still be a program: that
is what makes shrinking simple.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field


@dataclass
class Node:
    """A statement or an expression.

    Args:
        text: Python, where ``$0``, ``$1`` … stand for one operand and ``$*`` for all of them.
        operands: Expressions.
        clauses: Headers, each with the statements under it; the text is then not used.
    """

    text: str = ""
    operands: list[Node] = field(default_factory=list)
    clauses: list[tuple[str, list[Node]]] = field(default_factory=list)


def attempt(text, call):
    """Return a statement that calls a function and says what came of it."""
    return Node(f'attempt("{text}", {call})')


@dataclass
class Function:
    """One function of a program.

    Args:
        name: Its name.
        kind: ``"coroutine"``, ``"callback"`` or ``"generator"``, an asynchronous one.
        body: Its statements.
    """

    name: str
    kind: str
    body: list[Node] = field(default_factory=list)


@dataclass
class Program:
    """A whole program.

    Args:
        settings: Arguments of ``Stage``.
        functions: Every function; one calls only those after it.
        outside: What is done outside the loop, in order: the calls that run it are among these.
    """

    settings: dict[str, object]
    functions: list[Function] = field(default_factory=list)
    outside: list[Node] = field(default_factory=list)


PLAIN_SETTINGS = {"clock": "virtual", "debug": False, "tasks": "plain", "ticking": False}


def nodes_in(nodes):
    """Give each node of a list and all nodes within it, from the outside in."""
    for node in nodes:
        yield node
        yield from nodes_in(node.operands)
        for _, block in node.clauses:
            yield from nodes_in(block)


def blocks_of(program):
    """Return every list of statements, the outer ones first."""
    outer = [program.outside, *(function.body for function in program.functions)]
    inner = [block for nodes in outer for node in nodes_in(nodes) for _, block in node.clauses]
    return outer + inner


def operand_lists_of(program):
    """Return every list of operands."""
    outer = [program.outside, *(function.body for function in program.functions)]
    return [node.operands for nodes in outer for node in nodes_in(nodes) if node.operands]


def copied(program):
    """Return a copy that shares no list with the program."""
    return Program(
        dict(program.settings),
        [dataclasses.replace(one, body=_copied(one.body)) for one in program.functions],
        _copied(program.outside),
    )


def _copied(nodes):
    return [
        Node(
            node.text,
            _copied(node.operands),
            [(header, _copied(block)) for header, block in node.clauses],
        )
        for node in nodes
    ]
