"""The Python text of a random program, as the fuzzer runs it and as a script of its own."""

import dataclasses
import re
from pathlib import Path

_FOLDER = Path(__file__).parent
_STAGE = ("virtual_time", "things", "tools", "words", "trace", "stage")

_NOT_BODY = re.compile(r'\A"""(?:.|\n)*?"""\n|^(?:import|from) .*\n', re.MULTILINE)
"""The docstring of a module, and its imports."""

MISSING = 'box["f0"]'
"""What stands for an operand that shrinking took away."""

_HEAD = """\
stage = Stage({settings})
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
tools, scopes, groups, gens, calls = stage.named
say, attempt, fresh, after = stage.say, stage.attempt, stage.fresh, stage.after
var = contextvars.ContextVar("var", default=0)
"""

_HEADS = {
    "coroutine": "async def {}():",
    "generator": "async def {}():",
    "callback": "def {}(*arguments):",
}

_ENDS = {"coroutine": "", "generator": '    yield "last"\n', "callback": ""}
"""The last line of each kind of function: what makes a generator one, whatever is left of it."""

_SCRIPT = """\
{title}
{stage}

if __name__ == "__main__" and len(sys.argv) > 1:
    Stage.loop_spec = sys.argv[1]

{program}

if __name__ == "__main__":
    print("\\n".join(stage.perform(program)))
"""


def program_text(program):
    """Return the program's own part: it needs the names of ``stage``."""
    settings = ", ".join(f"{name}={value!r}" for name, value in program.settings.items())
    parts = [_HEAD.format(settings=settings)]
    for function in program.functions:
        head = _HEADS[function.kind].format(function.name)
        parts.append(f"\n\n{head}\n" + _block(function.body, 1) + _ENDS[function.kind])
    parts.append("\n\ndef program():\n" + _block(program.outside, 1))
    return "".join(parts)


def script_text(program, title):
    """Return a script that runs alone and prints its trace.

    With an argument, ``module:maker``, it runs on the loops made there.

    Args:
        program: The text of a program.
        title: Lines for a comment at the top.
    """
    return _SCRIPT.format(title=comment(title), stage=_stage_text(), program=program.strip())


def program_part(text):
    """Return the program's own part of a script, or the text if it is no more than that."""
    begin = text.find("\nstage = Stage(") + 1
    end = text.find('\nif __name__ == "__main__":\n    print(')
    return text[begin:] if end < 0 else text[begin : end + 1]


def comment(lines):
    """Return lines as a comment."""
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _stage_text():
    """Return the modules that a program needs as one."""
    texts = [_FOLDER.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in _STAGE]
    imports = sorted({line for text in texts for line in re.findall(r"(?m)^import \w+$", text)})
    bodies = [_NOT_BODY.sub("", text).strip() for text in texts]
    return "\n\n\n".join(["\n".join(imports), *bodies])


def expression_text(node):
    """Return one expression with its operands in their places."""

    def place(found):
        if found[1] == "*":
            return ", ".join(map(expression_text, node.operands))
        number = int(found[1])
        return expression_text(node.operands[number]) if number < len(node.operands) else MISSING

    return re.sub(r"\$(\d|\*)", place, node.text)


def _header_text(node, header):
    return expression_text(dataclasses.replace(node, text=header))


def _block(nodes, depth):
    return "".join(_statement(node, depth) for node in nodes) or _line("pass", depth)


def _statement(node, depth):
    if not node.clauses:
        return "".join(_line(line, depth) for line in expression_text(node).splitlines())
    heads = [_header_text(node, header) for header, _ in node.clauses]
    blocks = [_block(block, depth + 1) for _, block in node.clauses]
    return "".join(_line(head, depth) + block for head, block in zip(heads, blocks, strict=True))


def _line(text, depth):
    return "    " * depth + text + "\n"
