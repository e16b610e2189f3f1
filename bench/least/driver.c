/* The least that the statements of two rows ask of a loop, on CPython's C API alone.
 *
 * One coroutine runs. It may await the loop's futures and schedule callbacks with at most one argument.
 * There are no tasks, timers, events, cancellation, debug mode, second waiter, or checks: what a real
 * loop does besides is left out on purpose, so that its cost can be seen. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* A callback that waits for its turn: what call_soon() returns. */

typedef struct {
    PyObject_HEAD
    PyObject *callback;
    PyObject *argument; /* NULL: it takes none */
    PyObject *context;
} Handle;

static int
handle_traverse(Handle *self, visitproc visit, void *arg)
{
    Py_VISIT(self->callback);
    Py_VISIT(self->argument);
    Py_VISIT(self->context);
    return 0;
}

static void
handle_dealloc(Handle *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->callback);
    Py_XDECREF(self->argument);
    Py_XDECREF(self->context);
    PyObject_GC_Del(self);
}

static PyTypeObject HandleType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "least.Handle",
    .tp_basicsize = sizeof(Handle),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)handle_traverse,
    .tp_dealloc = (destructor)handle_dealloc,
};

/* The queue. An entry that is no handle means: the coroutine goes on. */

#define PLACES 1024
static Handle *queue[PLACES];
static size_t taken, put;

static int
push(Handle *handle)
{
    if (put - taken == PLACES) {
        PyErr_SetString(PyExc_NotImplementedError, "more callbacks at once than the queue holds");
        return -1;
    }
    queue[put++ % PLACES] = handle;
    return 0;
}

static Handle *
pop(void)
{
    return queue[taken++ % PLACES];
}

/* A future that is its own iterator. */

typedef struct {
    PyObject_HEAD
    PyObject *result; /* NULL: not yet */
    int awaited;
} Future;

static int
future_traverse(Future *self, visitproc visit, void *arg)
{
    Py_VISIT(self->result);
    return 0;
}

static void
future_dealloc(Future *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->result);
    PyObject_GC_Del(self);
}

static PyObject *
future_set_result(Future *self, PyObject *result)
{
    if (self->result != NULL) {
        PyErr_SetString(PyExc_NotImplementedError, "a second result");
        return NULL;
    }
    self->result = Py_NewRef(result);
    if (self->awaited && push(NULL) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* How CPython 3.11 goes on with it. */
static PySendResult
future_send(Future *self, PyObject *Py_UNUSED(value), PyObject **result)
{
    if (self->result != NULL) {
        *result = Py_NewRef(self->result);
        return PYGEN_RETURN;
    }
    self->awaited = 1;
    *result = Py_NewRef((PyObject *)self);
    return PYGEN_NEXT;
}

/* How later ones do. */
static PyObject *
future_next(Future *self)
{
    if (self->result != NULL) {
        PyErr_SetObject(PyExc_StopIteration, self->result);
        return NULL;
    }
    self->awaited = 1;
    return Py_NewRef((PyObject *)self);
}

static PyAsyncMethods future_async = {
    .am_await = PyObject_SelfIter,
    .am_send = (sendfunc)future_send,
};

static PyMethodDef future_methods[] = {
    {"set_result", (PyCFunction)future_set_result, METH_O, NULL},
    {NULL},
};

static PyTypeObject FutureType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "least.Future",
    .tp_basicsize = sizeof(Future),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)future_traverse,
    .tp_dealloc = (destructor)future_dealloc,
    .tp_as_async = &future_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)future_next,
    .tp_methods = future_methods,
};

/* The loop. */

static PyObject *
loop_call_soon(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_NotImplementedError, "a callback with more than one argument");
        return NULL;
    }
    Handle *handle = PyObject_GC_New(Handle, &HandleType);
    if (handle == NULL) {
        return NULL;
    }
    handle->callback = Py_NewRef(args[0]);
    handle->argument = count == 2 ? Py_NewRef(args[1]) : NULL;
    handle->context = PyContext_CopyCurrent();
    PyObject_GC_Track(handle);
    if (handle->context == NULL || push(handle) < 0) {
        Py_DECREF(handle);
        return NULL;
    }
    return Py_NewRef((PyObject *)handle);
}

static PyObject *
loop_create_future(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    Future *future = PyObject_GC_New(Future, &FutureType);
    if (future == NULL) {
        return NULL;
    }
    future->result = NULL;
    future->awaited = 0;
    PyObject_GC_Track(future);
    return (PyObject *)future;
}

static int
run_callback(Handle *handle)
{
    PyObject *arguments[] = {NULL, handle->argument};
    size_t count = handle->argument != NULL;
    if (PyContext_Enter(handle->context) < 0) {
        return -1;
    }
    PyObject *result = PyObject_Vectorcall(
        handle->callback, arguments + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(result);
    if (PyContext_Exit(handle->context) < 0) {
        return -1;
    }
    return result == NULL ? -1 : 0;
}

/* One step of the coroutine: 1 where it has ended, with its result. */
static int
step(PyObject *coroutine, PyObject **result)
{
    PyObject *yielded;
    switch (PyIter_Send(coroutine, Py_None, &yielded)) {
    case PYGEN_RETURN:
        *result = yielded;
        return 1;
    case PYGEN_ERROR:
        return -1;
    default:
        break;
    }
    int known = Py_IS_TYPE(yielded, &FutureType);
    Py_DECREF(yielded);
    if (!known) {
        PyErr_SetString(PyExc_NotImplementedError, "to wait for anything but its futures");
        return -1;
    }
    return 0;
}

static PyObject *
loop_drive(PyObject *Py_UNUSED(self), PyObject *coroutine)
{
    PyObject *result = NULL;
    int ended = push(NULL);
    while (ended == 0 && taken != put) {
        Handle *handle = pop();
        if (handle == NULL) {
            ended = step(coroutine, &result);
        }
        else {
            ended = run_callback(handle);
            Py_DECREF(handle);
        }
    }
    while (taken != put) {
        Py_XDECREF(pop());
    }
    if (ended == 0) {
        PyErr_SetString(PyExc_RuntimeError, "nothing is left to run and the coroutine has not ended");
    }
    return result;
}

static PyMethodDef loop_methods[] = {
    {"call_soon", (PyCFunction)(void (*)(void))loop_call_soon, METH_FASTCALL, NULL},
    {"create_future", loop_create_future, METH_NOARGS, NULL},
    {"drive", loop_drive, METH_O, "Run a coroutine to its end and return its result."},
    {NULL},
};

static PyTypeObject LoopType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "least.Driver",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_methods = loop_methods,
    .tp_new = PyType_GenericNew,
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_least",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__least(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || PyType_Ready(&HandleType) < 0 || PyType_Ready(&FutureType) < 0
        || PyModule_AddType(module, &LoopType) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
