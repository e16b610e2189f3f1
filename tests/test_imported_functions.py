"""What the compiled part imports from the interpreter, against the list in ``ffi/hang.rs``.

A call in which a daemon thread may be ended has to go through a wrapper there; PyO3 may come to use
a function that is not listed.
"""

import pathlib
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.needs_stook

LIST = pathlib.Path(__file__).parents[1] / "crates/stook-py/src/ffi/hang.rs"

# They run no Python code, make nothing that the collector counts, and wait for nobody;
# `Py_InitializeEx` is for programs that have an interpreter in them, and is not called.
HARMLESS = """
PyBytes_FromStringAndSize PyCode_Addr2Line PyContext_Enter PyContext_Exit PyDict_Next
PyErr_ExceptionMatches PyErr_Fetch PyErr_GetHandledException PyErr_GetRaisedException
PyErr_GivenExceptionMatches PyErr_Occurred PyEval_SaveThread PyException_GetContext
PyException_GetTraceback PyFloat_FromDouble PyFrame_GetCode PyFrame_GetLasti PyGILState_Release
PyInterpreterState_Get PyInterpreterState_GetID PyLong_FromLong PyLong_FromUnsignedLongLong
PyMethod_Function PyMethod_Self PyModuleDef_Init PyModule_GetNameObject PyObject_GC_IsFinalized
PyObject_GC_IsTracked
PyObject_GC_Track PyObject_GC_UnTrack PyObject_IS_GC PyObject_Init PyObject_SelfIter
PySequence_Check
PyThreadState_Get PyTuple_GetItem PyType_GetName PyType_GetQualName PyType_IsSubtype PyType_Modified
PyUnicode_AsUTF8AndSize PyUnicode_FromStringAndSize PyUnicode_InternInPlace PyVectorcall_Function
Py_EnterRecursiveCall Py_InitializeEx Py_IsFinalizing Py_IsInitialized Py_LeaveRecursiveCall
_Py_CheckFunctionResult _Py_IsFinalizing _Py_NewReference
"""


def imported_functions():
    """Return the names of the interpreter's functions that the library asks the linker for."""
    from stook import _core

    command = ["nm", "--dynamic", "--undefined-only", _core.__file__]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"U (_?Py\w+)", listed))
    return {name for name in names if not re.search("^PyExc_|_Type$|Struct$", name)}


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm, of binutils, is not installed")
def test_what_may_run_python_code_is_wrapped():
    wrapped = re.findall(r"^    fn (_?Py\w+)\(", LIST.read_text(encoding="utf-8"), re.MULTILINE)
    imported = imported_functions()
    assert {"PyIter_Send", "PyObject_GetAttr", "_Py_Dealloc"} <= imported & set(wrapped)
    assert imported - set(wrapped) <= set(HARMLESS.split())
