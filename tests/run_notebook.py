"""Runs cells in a Jupyter kernel, the way a notebook does, and prints what they gave as JSON.

Run as a program: the arguments are the command of the kernel, cells come as a JSON list on
standard input. While a cell runs that prints ``INTERRUPT ME``, the kernel is interrupted, as by
the button of a notebook.
"""

import asyncio
import json
import sys

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

TIME_LIMIT_SECONDS = 40
CALL = "INTERRUPT ME\n"


class Client(NotebookClient):
    """A client that interrupts the kernel when a cell asks for it."""

    def process_message(self, message, cell, cell_index):
        if message["msg_type"] == "stream" and CALL in message["content"]["text"]:
            self.interrupting = asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(message, cell, cell_index)


def main():
    manager = AsyncKernelManager()
    manager._kernel_spec = KernelSpec(
        argv=[*sys.argv[1:], "-f", "{connection_file}"], display_name="tested", language="python"
    )
    cells = [nbformat.v4.new_code_cell(source) for source in json.load(sys.stdin)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    Client(notebook, km=manager, timeout=TIME_LIMIT_SECONDS, allow_errors=True).execute()
    print(json.dumps([_told(cell) for cell in cells]))


def _told(cell):
    """Return what a cell printed, its value or error, each as text."""
    told = {}
    for output in cell.outputs:
        if output.output_type == "stream":
            told[output.name] = told.get(output.name, "") + output.text
        elif output.output_type == "error":
            told["error"] = f"{output.ename}: {output.evalue}"
        else:
            told["value"] = output.data["text/plain"]
    return told


if __name__ == "__main__":
    main()
