//! Where instances of a class keep their attributes: in an array, each at a place that is the same
//! for all of them.
//!
//! CPython keeps the names once, in the class, and in each instance the values alone. A layout is
//! found by trial, on an instance whose values are known. Reading by it makes no dict of the
//! instance, which would make every later access slower and the instance three times as large.
//!
//! # Source
//! `Objects/dictobject.c`, `Include/internal/pycore_dict.h` and `pycore_object.h`, CPython 3.11 to
//! 3.13: names are only ever added to the shared keys of a class, and the arrays of instances made
//! before are long enough for those.

use std::ffi::c_ulong;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

/// The places of the attributes of one class's instances.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The class, to be compared.
    class: usize,
    /// Its shared keys, to be compared.
    keys: usize,
    /// How many names these had.
    names: isize,
    places: Places,
    /// The places of the fields, by their indices; [`NOWHERE`] for those that it has not.
    fields: [u8; MOST_FIELDS],
    /// Whether it was tried that attributes can be added by it.
    adds: AtomicBool,
}

/// How many attributes a class may have that are known as fields; a power of 2.
const MOST_FIELDS: usize = 16;
/// No place in an array.
const NOWHERE: u8 = u8::MAX;

/// An attribute that is reached by its index in a list of its class: where it is, is looked up once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    index: usize,
    name: &'static str,
}

impl Field {
    /// The attribute of this name, which is at this index of the list of its class.
    pub(crate) const fn new(index: usize, name: &'static str) -> Self {
        assert!(index < MOST_FIELDS, "more fields than there is room for");
        Field { index, name }
    }

    /// Its index in the list of its class.
    pub(crate) const fn index(self) -> usize {
        self.index
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        self.name
    }
}

/// The place of each name, which is found by where the name is in memory.
#[derive(Debug)]
struct Places {
    /// The addresses of the names, each in the field that [`Places::field`] says, and their places.
    fields: [(usize, usize); FIELDS],
    factor: usize,
    /// Keeps the names where they are.
    _names: Box<[Py<PyString>]>,
}

/// How many names there may be, several times over; a power of 2.
const FIELDS: usize = 64;
/// The golden ratio's part of all numbers of this size: multiples of it are spread well.
const GOLDEN_RATIO: usize = 0x9E37_79B9_7F4A_7C15;

impl Places {
    /// `None` where no factor gives each name a field of its own.
    fn new(given: Vec<(Py<PyString>, usize)>) -> Option<Self> {
        (0..1000usize)
            .map(|trial| GOLDEN_RATIO.wrapping_mul(2 * trial + 1))
            .find_map(|factor| {
                let mut fields = [(0, 0); FIELDS];
                for (name, place) in &given {
                    let address = name.as_ptr() as usize;
                    let field = &mut fields[Self::field(address, factor)];
                    if field.0 != 0 {
                        return None;
                    }
                    *field = (address, *place);
                }
                Some((fields, factor))
            })
            .map(|(fields, factor)| Places {
                fields,
                factor,
                _names: given.into_iter().map(|(name, _)| name).collect(),
            })
    }

    fn field(address: usize, factor: usize) -> usize {
        address.wrapping_mul(factor) >> (usize::BITS - FIELDS.ilog2())
    }

    #[inline]
    fn get(&self, name: &Bound<'_, PyString>) -> Option<usize> {
        let address = name.as_ptr() as usize;
        let (known, place) = self.fields[Self::field(address, self.factor)];
        (known == address).then_some(place)
    }
}

/// The first fields of `PyDictKeysObject`.
#[repr(C)]
struct SharedKeys {
    references: isize,
    sizes: [u8; 3],
    version: u32,
    usable: isize,
    names: isize,
}

/// The most names that shared keys have room for, and some more.
const MOST_NAMES: isize = 64;

/// `Py_TPFLAGS_MANAGED_DICT`
const MANAGED_DICT: c_ulong = 1 << 4;
/// What a class has whose instances have an array.
#[cfg(not(Py_3_13))]
const HAS_ARRAYS: c_ulong = ffi::Py_TPFLAGS_HEAPTYPE | MANAGED_DICT;
/// What a class has whose instances have an array: `Py_TPFLAGS_INLINE_VALUES` is the last.
#[cfg(Py_3_13)]
const HAS_ARRAYS: c_ulong = ffi::Py_TPFLAGS_HEAPTYPE | MANAGED_DICT | 1 << 2;

impl Layout {
    /// Finds the places of `attributes` in the instances of the class of `sample`, which has these
    /// values and has no other attribute with one of them, and which of them the `fields` are; `None`
    /// where they are not as expected.
    pub(crate) fn find(
        sample: &Bound<'_, PyAny>,
        attributes: &[(Bound<'_, PyString>, Bound<'_, PyAny>)],
        fields: &[Field],
    ) -> Option<Layout> {
        let class = sample.get_type();
        let keys = shared_keys(&class)?;
        // SAFETY: S2, S16.
        let usable = unsafe { (*keys).usable };
        // SAFETY: S2, S16.
        let names = unsafe { (*keys).names };
        if usable < 0 || names < 0 || usable + names > MOST_NAMES {
            return None;
        }
        // SAFETY: S16; the class has arrays.
        let array = unsafe { own_array(sample.as_ptr()) };
        if array.is_null() {
            return None;
        }
        if names as usize != attributes.len() {
            return None;
        }
        let mut places = Vec::with_capacity(attributes.len());
        let mut indexed = [NOWHERE; MOST_FIELDS];
        for (name, value) in attributes {
            let place = (0..names as usize).find(|&place| {
                // SAFETY: S16; the array has a place for each name.
                ptr::eq(unsafe { *array.wrapping_add(place) }, value.as_ptr())
            })?;
            places.push((name.clone().unbind(), place));
            let of_this_name = |field: &&Field| name.to_str().is_ok_and(|name| name == field.name);
            if let Some(field) = fields.iter().find(of_this_name) {
                indexed[field.index] = u8::try_from(place).ok()?;
            }
        }
        Some(Layout {
            class: class.as_ptr() as usize,
            keys: keys as usize,
            names,
            places: Places::new(places)?,
            fields: indexed,
            adds: AtomicBool::new(false),
        })
    }

    /// Whether `object`, an instance of the class, certainly has no attribute but those that were
    /// found.
    #[inline]
    pub(crate) fn has_no_other(&self, object: &Bound<'_, PyAny>) -> bool {
        let array = self.array(object);
        if array.is_null() {
            return false;
        }
        let keys = self.keys as *const SharedKeys;
        // SAFETY: S2, S16; an array was found, so these are still the keys of the class.
        let names = unsafe { (*keys).names };
        names == self.names || self.has_none_of_the_new(array, names)
    }

    /// Whether `array` has nothing for the names that the class got since.
    #[cold]
    fn has_none_of_the_new(&self, array: *mut *mut ffi::PyObject, names: isize) -> bool {
        (self.names..names).all(|place| {
            // SAFETY: S16; the array has a place for each name.
            unsafe { *array.wrapping_offset(place) }.is_null()
        })
    }

    /// An attribute of an instance; `None` where it has to be asked for.
    #[inline]
    pub(crate) fn read<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        name: &Bound<'py, PyString>,
    ) -> Option<Bound<'py, PyAny>> {
        let place = self.places.get(name)?;
        let array = self.array(object);
        if array.is_null() {
            return None;
        }
        // SAFETY: S16.
        let value = unsafe { *array.wrapping_add(place) };
        // SAFETY: S2, S16; the instance holds it.
        unsafe { Bound::from_borrowed_ptr_or_opt(object.py(), value) }
    }

    /// The truth of an attribute that is `True` or `False`; `None` where it has to be asked for.
    #[inline]
    pub(crate) fn read_truth(
        &self,
        object: &Bound<'_, PyAny>,
        name: &Bound<'_, PyString>,
    ) -> Option<bool> {
        let place = self.places.get(name)?;
        let array = self.array(object);
        if array.is_null() {
            return None;
        }
        // SAFETY: S16.
        truth_of(unsafe { *array.wrapping_add(place) })
    }

    /// The place of a field; `None` where the instances have no such attribute.
    #[inline]
    fn place_of(&self, field: Field) -> Option<usize> {
        let place = self.fields[field.index % MOST_FIELDS];
        (place != NOWHERE).then_some(usize::from(place))
    }

    /// An attribute of an instance; `None` where it has to be asked for.
    #[inline]
    pub(crate) fn read_field<'py>(
        &self,
        object: &Bound<'py, PyAny>,
        field: Field,
    ) -> Option<Bound<'py, PyAny>> {
        let place = self.place_of(field)?;
        let array = self.array(object);
        if array.is_null() {
            return None;
        }
        // SAFETY: S16.
        let value = unsafe { *array.wrapping_add(place) };
        // SAFETY: S2, S16; the instance holds it.
        unsafe { Bound::from_borrowed_ptr_or_opt(object.py(), value) }
    }

    /// The truths of attributes that are each `True` or `False`; `None` where one has to be asked for.
    #[inline]
    pub(crate) fn read_fields_truths<const N: usize>(
        &self,
        object: &Bound<'_, PyAny>,
        fields: [Field; N],
    ) -> Option<[bool; N]> {
        let array = self.array(object);
        if array.is_null() {
            return None;
        }
        let mut truths = [false; N];
        for (truth, field) in truths.iter_mut().zip(fields) {
            let place = self.place_of(field)?;
            // SAFETY: S16.
            *truth = truth_of(unsafe { *array.wrapping_add(place) })?;
        }
        Some(truths)
    }

    /// Whether an attribute is `None`; `None` where it has to be asked for.
    #[inline]
    pub(crate) fn is_field_none(&self, object: &Bound<'_, PyAny>, field: Field) -> Option<bool> {
        let place = self.place_of(field)?;
        let array = self.array(object);
        if array.is_null() {
            return None;
        }
        // SAFETY: S16.
        let value = unsafe { *array.wrapping_add(place) };
        // SAFETY: S1.
        (!value.is_null()).then(|| ptr::eq(value, unsafe { ffi::Py_None() }))
    }

    /// Sets an attribute; `false` where it has to be set otherwise.
    #[inline]
    pub(crate) fn write_field(
        &self,
        object: &Bound<'_, PyAny>,
        field: Field,
        value: &Bound<'_, PyAny>,
    ) -> bool {
        self.place_of(field)
            .is_some_and(|place| self.write_at(object, place, value))
    }

    /// Sets attributes, in this order; `false` where they have to be set otherwise: then none was.
    #[inline]
    pub(crate) fn write_fields<'py, const N: usize>(
        &self,
        object: &Bound<'py, PyAny>,
        attributes: [(Field, &Bound<'py, PyAny>); N],
    ) -> bool {
        let array = self.writable_array(object);
        if array.is_null() {
            return false;
        }
        let mut places = [ptr::null_mut(); N];
        for (place, (field, _)) in places.iter_mut().zip(attributes) {
            let Some(index) = self.place_of(field) else {
                return false;
            };
            *place = array.wrapping_add(index);
            // SAFETY: S16.
            if unsafe { **place }.is_null() {
                return false;
            }
        }
        let mut before = [ptr::null_mut(); N];
        for (index, (_, value)) in attributes.into_iter().enumerate() {
            // SAFETY: S16; nothing else runs before all are set.
            let place = unsafe { &mut *places[index] };
            before[index] = std::mem::replace(place, value.clone().into_ptr());
        }
        for value in before {
            // SAFETY: S1, S3; the reference that the instance had.
            drop(unsafe { Bound::from_owned_ptr(object.py(), value) });
        }
        true
    }

    /// Gives a new instance, which has no attribute yet, the first of the fields, in their order. Where
    /// that has to be done otherwise they are given back, and the instance is as it was.
    ///
    /// # Errors
    /// The attributes.
    #[inline]
    pub(crate) fn fill<'py, const N: usize>(
        &self,
        object: &Bound<'py, PyAny>,
        values: [Bound<'py, PyAny>; N],
    ) -> Result<(), [Bound<'py, PyAny>; N]> {
        let places = self.fields.first_chunk::<N>();
        let places = places.filter(|places| !places.contains(&NOWHERE));
        let (Some(places), true) = (places, self.adds.load(Ordering::Relaxed)) else {
            return Err(values);
        };
        let array = self.writable_array(object);
        // SAFETY: S16; where there is one, it is the instance's own array.
        if array.is_null() || !unsafe { note_first(array, places) } {
            return Err(values);
        }
        for (place, value) in places.iter().zip(values) {
            // SAFETY: S16, nothing is there yet; S3, the instance is given the reference.
            unsafe { *array.wrapping_add(usize::from(*place)) = value.into_ptr() };
        }
        Ok(())
    }

    /// Says that what [`Layout::add`] did was looked at, and was right.
    pub(crate) fn trust_adding(&self) {
        self.adds.store(true, Ordering::Relaxed);
    }

    /// Where an attribute may be written: the array of an instance whose dict nobody asked for, and the
    /// place in it.
    #[inline]
    fn writable(
        &self,
        object: &Bound<'_, PyAny>,
        name: &Bound<'_, PyString>,
    ) -> Option<(*mut *mut ffi::PyObject, usize)> {
        let place = self.places.get(name)?;
        let array = self.writable_array(object);
        (!array.is_null()).then_some((array, place))
    }

    /// The array of an instance whose dict nobody asked for, or null.
    #[inline]
    fn writable_array(&self, object: &Bound<'_, PyAny>) -> *mut *mut ffi::PyObject {
        if !self.is_instance(object) {
            return ptr::null_mut();
        }
        // SAFETY: S16; the class was compared.
        unsafe { own_array(object.as_ptr()) }
    }

    /// Sets an attribute; `false` where it has to be set otherwise.
    #[inline]
    pub(crate) fn write(
        &self,
        object: &Bound<'_, PyAny>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyAny>,
    ) -> bool {
        self.places
            .get(name)
            .is_some_and(|place| self.write_at(object, place, value))
    }

    /// The same by its place.
    #[inline]
    fn write_at(&self, object: &Bound<'_, PyAny>, place: usize, value: &Bound<'_, PyAny>) -> bool {
        let array = self.writable_array(object);
        if array.is_null() {
            return false;
        }
        let filled = array.wrapping_add(place);
        // SAFETY: S16.
        if unsafe { *filled }.is_null() {
            return self.adds.load(Ordering::Relaxed) && Self::add_at(array, place, value);
        }
        // SAFETY: S16; nothing else runs while the place is looked at and filled.
        let before = std::mem::replace(unsafe { &mut *filled }, value.clone().into_ptr());
        // SAFETY: S1, S3; the reference that the instance had.
        drop(unsafe { Bound::from_owned_ptr(object.py(), before) });
        true
    }

    /// Adds an attribute that an instance has not; `false` where it has to be set otherwise.
    pub(crate) fn add(
        &self,
        object: &Bound<'_, PyAny>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyAny>,
    ) -> bool {
        let Some((array, place)) = self.writable(object, name) else {
            return false;
        };
        // SAFETY: S16; the array has a place for each name.
        let is_free = unsafe { *array.wrapping_add(place) }.is_null();
        is_free && Self::add_at(array, place, value)
    }

    /// Fills a place of an array that is empty.
    #[inline]
    fn add_at(array: *mut *mut ffi::PyObject, place: usize, value: &Bound<'_, PyAny>) -> bool {
        // SAFETY: S16; an instance's own array has numbers and an order.
        if !unsafe { note_next(array, place) } {
            return false;
        }
        // SAFETY: S16; S3, the instance is given the reference.
        unsafe { *array.wrapping_add(place) = value.clone().into_ptr() };
        true
    }

    #[inline]
    fn is_instance(&self, object: &Bound<'_, PyAny>) -> bool {
        object.get_type_ptr() as usize == self.class
    }

    /// The array of the values of `object`, or null.
    #[inline]
    fn array(&self, object: &Bound<'_, PyAny>) -> *mut *mut ffi::PyObject {
        if !self.is_instance(object) {
            return ptr::null_mut();
        }
        // SAFETY: S16; the class was compared.
        let array = unsafe { own_array(object.as_ptr()) };
        if !array.is_null() {
            return array;
        }
        // SAFETY: S16; the class was compared.
        unsafe { array_of_dict(object.as_ptr(), self.keys) }
    }
}

/// Whether `value` is `True`; `None` where it is neither that nor `False`.
#[inline]
fn truth_of(value: *mut ffi::PyObject) -> Option<bool> {
    // SAFETY: S1.
    let is_true = ptr::eq(value, unsafe { ffi::Py_True() });
    // SAFETY: S1.
    (is_true || ptr::eq(value, unsafe { ffi::Py_False() })).then_some(is_true)
}

/// The shared keys of a class whose instances have arrays.
fn shared_keys(class: &Bound<'_, PyType>) -> Option<*const SharedKeys> {
    let class = class.as_type_ptr();
    // SAFETY: S2.
    let flags = unsafe { (*class).tp_flags };
    if flags & HAS_ARRAYS != HAS_ARRAYS {
        return None;
    }
    // SAFETY: S2; a class with that flag is a heap type.
    let keys = unsafe { (*class.cast::<ffi::PyHeapTypeObject>()).ht_cached_keys };
    (!keys.is_null()).then_some(keys.cast_const().cast())
}

/// The array of an instance that has no dict yet, or null; CPython 3.11.
///
/// # Safety
/// S2; the class of `object` has arrays.
#[cfg(not(Py_3_12))]
#[inline]
unsafe fn own_array(object: *mut ffi::PyObject) -> *mut *mut ffi::PyObject {
    let place = object.cast::<*mut *mut ffi::PyObject>().wrapping_sub(4);
    // SAFETY: S16.
    unsafe { *place }
}

/// The array of an instance that has no dict yet, or null; CPython 3.12, where the pointer to an
/// array is kept less one, which tells it from a dict.
///
/// # Safety
/// S2; the class of `object` has arrays.
#[cfg(all(Py_3_12, not(Py_3_13)))]
#[inline]
unsafe fn own_array(object: *mut ffi::PyObject) -> *mut *mut ffi::PyObject {
    let place = object.cast::<*mut u8>().wrapping_sub(3);
    // SAFETY: S16.
    let marked = unsafe { *place };
    if marked as usize & 1 == 0 {
        return ptr::null_mut();
    }
    marked.wrapping_add(1).cast()
}

/// The array of an instance that has no dict yet, or null; CPython 3.13, where it stands behind the
/// instance, after four numbers of which the last says whether it is in use.
///
/// # Safety
/// S2; the class of `object` has arrays.
#[cfg(Py_3_13)]
#[inline]
unsafe fn own_array(object: *mut ffi::PyObject) -> *mut *mut ffi::PyObject {
    // SAFETY: S2, S16.
    let dict = unsafe { dict_of(object) };
    if !dict.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: S2.
    let class = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: S2.
    let size = unsafe { (*class).tp_basicsize };
    let numbers = object.cast::<u8>().wrapping_offset(size);
    let in_use = numbers.wrapping_add(3);
    // SAFETY: S16.
    if unsafe { *in_use } == 0 {
        return ptr::null_mut();
    }
    numbers.wrapping_add(size_of::<usize>()).cast()
}

/// Notes that the next value of an array comes to `place`; `false` where there is no room.
///
/// CPython up to 3.12 has the numbers before the array, going backwards: how many bytes there are
/// before it, how many values it has, and the places of these in the order in which they came. In
/// 3.13 the first two stand before the array, and the places behind it.
///
/// # Safety
/// S16; it is the own array of an instance.
#[inline]
unsafe fn note_next(array: *mut *mut ffi::PyObject, place: usize) -> bool {
    let (capacity, used) = numbers(array);
    // SAFETY: S16.
    let capacity = usize::from(unsafe { *capacity });
    // SAFETY: S16.
    let count = usize::from(unsafe { *used });
    let (noted, room) = if cfg!(Py_3_13) {
        let behind = array.wrapping_add(capacity).cast::<u8>();
        (behind.wrapping_add(count), capacity)
    } else {
        (used.wrapping_sub(count + 1), capacity.saturating_sub(2))
    };
    let Ok(place) = u8::try_from(place) else {
        return false;
    };
    if count >= room {
        return false;
    }
    // SAFETY: S16; there is room.
    unsafe { *noted = place };
    // SAFETY: S16; there was room for one more.
    unsafe { *used += 1 };
    true
}

/// Notes that the first values of an array come to `places`, in this order; `false` where there is no
/// room, or a value has come already.
///
/// # Safety
/// S16; it is the own array of an instance.
#[inline]
unsafe fn note_first<const N: usize>(array: *mut *mut ffi::PyObject, places: &[u8; N]) -> bool {
    let (capacity, used) = numbers(array);
    // SAFETY: S16.
    let capacity = usize::from(unsafe { *capacity });
    // SAFETY: S16.
    let count = unsafe { *used };
    let room = if cfg!(Py_3_13) {
        capacity
    } else {
        capacity.saturating_sub(2)
    };
    let Ok(all) = u8::try_from(N) else {
        return false;
    };
    if count != 0 || N > room {
        return false;
    }
    let first = if cfg!(Py_3_13) {
        array.wrapping_add(capacity).cast::<u8>()
    } else {
        used.wrapping_sub(N)
    };
    for (index, &place) in places.iter().enumerate() {
        let after = if cfg!(Py_3_13) { index } else { N - 1 - index };
        // SAFETY: S16; there is room for all of them.
        unsafe { *first.wrapping_add(after) = place };
    }
    // SAFETY: S16; none had come.
    unsafe { *used = all };
    true
}

/// Where an array's capacity is, and how many values it has.
#[inline]
fn numbers(array: *mut *mut ffi::PyObject) -> (*mut u8, *mut u8) {
    let array = array.cast::<u8>();
    if cfg!(Py_3_13) {
        let numbers = array.wrapping_sub(size_of::<usize>());
        (numbers, numbers.wrapping_add(1))
    } else {
        (array.wrapping_sub(1), array.wrapping_sub(2))
    }
}

/// The dict of an instance, or null.
///
/// # Safety
/// S2; the class of `object` has arrays, and the instance has none of its own, or the version is
/// one that tells them apart.
#[inline]
unsafe fn dict_of(object: *mut ffi::PyObject) -> *mut ffi::PyDictObject {
    let place = object.cast::<*mut ffi::PyDictObject>().wrapping_sub(3);
    // SAFETY: S16.
    unsafe { *place }
}

/// The array that the dict of an instance has taken over, or null.
///
/// # Safety
/// As for [`dict_of`]; `keys` are the shared keys of the class.
#[inline]
unsafe fn array_of_dict(object: *mut ffi::PyObject, keys: usize) -> *mut *mut ffi::PyObject {
    // SAFETY: S16.
    let dict = unsafe { dict_of(object) };
    if dict.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: S2; the instance holds its dict.
    let own = unsafe { (*dict).ma_keys };
    // SAFETY: S2; the instance holds its dict.
    let values = unsafe { (*dict).ma_values };
    if own as usize != keys || values.is_null() {
        return ptr::null_mut();
    }
    let before = if cfg!(Py_3_13) { size_of::<usize>() } else { 0 };
    values.cast::<u8>().wrapping_add(before).cast()
}
