//! What a native function takes, and what it says to a call that does not fit.

use pyo3::PyErr;
use pyo3::exceptions::PyTypeError;

use super::compat;

/// In whose words a function refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Those of a function written in Python.
    Python,
    /// Those of a method written in Python, where the receiver counts as an argument.
    PythonMethod,
    /// Those of a function of the interpreter.
    Builtin,
}

/// The parameters of a native function.
#[derive(Debug)]
pub(crate) struct Signature<const N: usize> {
    /// The function's name, as errors show it.
    pub(crate) function: &'static str,
    /// The parameters' names; an empty one is positional only.
    pub(crate) parameters: [&'static str; N],
    /// How many may be given by position; the others are given by name.
    pub(crate) positional: usize,
    /// How many must be given, counted from the first.
    pub(crate) required: usize,
    /// How it complains.
    pub(crate) words: Words,
}

impl<const N: usize> Signature<N> {
    const fn new(
        function: &'static str,
        parameters: [&'static str; N],
        positional: usize,
        required: usize,
        words: Words,
    ) -> Self {
        Signature {
            function,
            parameters,
            positional,
            required,
            words,
        }
    }

    /// The signature of what is a function in asyncio's Python.
    pub(crate) const fn python(
        function: &'static str,
        parameters: [&'static str; N],
        positional: usize,
        required: usize,
    ) -> Self {
        Self::new(function, parameters, positional, required, Words::Python)
    }

    /// The signature of what is a method in asyncio's Python.
    pub(crate) const fn python_method(
        function: &'static str,
        parameters: [&'static str; N],
        positional: usize,
        required: usize,
    ) -> Self {
        Self::new(
            function,
            parameters,
            positional,
            required,
            Words::PythonMethod,
        )
    }

    /// The signature of what is a function in asyncio's accelerator.
    pub(crate) const fn builtin(
        function: &'static str,
        parameters: [&'static str; N],
        positional: usize,
        required: usize,
    ) -> Self {
        Self::new(function, parameters, positional, required, Words::Builtin)
    }

    fn is_positional_only(&self, index: usize) -> bool {
        self.parameters[index].is_empty()
    }
}

/// One call being fitted to a signature.
#[derive(Debug)]
pub(super) struct Call<'a, const N: usize> {
    signature: &'a Signature<N>,
    given: usize,
    filled: [bool; N],
    named_only: usize,
    /// A keyword that fits no place: the interpreter's functions first complain of others.
    refused: Option<PyErr>,
}

impl<'a, const N: usize> Call<'a, N> {
    pub(super) fn new(signature: &'a Signature<N>, given: usize) -> Self {
        let mut filled = [false; N];
        let fitting = given.min(signature.positional);
        filled[..fitting].fill(true);
        Call {
            signature,
            given,
            filled,
            named_only: 0,
            refused: None,
        }
    }

    /// Refuses a call by the numbers of its arguments; only the interpreter's functions do so
    /// before they look at keywords.
    pub(super) fn before_keywords(&self, keywords: usize) -> Result<(), PyErr> {
        let Signature {
            function,
            positional: most,
            ..
        } = *self.signature;
        if self.signature.words != Words::Builtin {
            return Ok(());
        }
        let given = self.given;
        if given + keywords > N {
            let kind = if given == 0 { "keyword " } else { "" };
            return Err(PyTypeError::new_err(format!(
                "{function}() takes at most {N} {kind}argument{} ({} given)",
                plural(N),
                given + keywords
            )));
        }
        if given > most && most == 0 {
            let text = format!("{function}() takes no positional arguments");
            return Err(PyTypeError::new_err(text));
        }
        let least = self.positional_only_and_required();
        if given > most || given < least {
            let (bound, exact, otherwise) = if given > most {
                (most, self.signature.required >= most, "at most")
            } else {
                (least, least == most, "at least")
            };
            let how = if exact { "exactly" } else { otherwise };
            return Err(PyTypeError::new_err(format!(
                "{function}() takes {how} {bound} positional argument{} ({given} given)",
                plural(bound)
            )));
        }
        Ok(())
    }

    fn positional_only_and_required(&self) -> usize {
        (0..self.signature.required)
            .take_while(|&index| self.signature.is_positional_only(index))
            .count()
    }

    /// The place that the keyword fills; none when the call is refused later.
    pub(super) fn place_of(&mut self, keyword: &str) -> Result<Option<usize>, PyErr> {
        let Signature {
            function,
            parameters,
            words,
            ..
        } = self.signature;
        let index = parameters
            .iter()
            .position(|parameter| !parameter.is_empty() && *parameter == keyword);
        let error = match index {
            Some(index) if !self.filled[index] => {
                self.filled[index] = true;
                self.named_only += usize::from(index >= self.signature.positional);
                return Ok(Some(index));
            }
            Some(_) if *words != Words::Builtin => given_twice(function, keyword),
            Some(index) => PyTypeError::new_err(format!(
                "argument for {function}() given by name ('{keyword}') and position ({})",
                index + 1
            )),
            None if *words == Words::Builtin && !compat::SINCE_3_13 => PyTypeError::new_err(
                format!("'{keyword}' is an invalid keyword argument for {function}()"),
            ),
            None => unexpected(function, keyword),
        };
        if *words != Words::Builtin {
            return Err(error);
        }
        self.refused.get_or_insert(error);
        Ok(None)
    }

    /// Refuses a call that lacks an argument, or that nothing refused before.
    pub(super) fn after_keywords(self) -> Result<(), PyErr> {
        match self.signature.words {
            Words::Python | Words::PythonMethod => self.complete_python(),
            Words::Builtin => self.complete_builtin(),
        }
    }

    fn complete_builtin(self) -> Result<(), PyErr> {
        let Signature {
            function,
            parameters,
            required,
            ..
        } = self.signature;
        if let Some(missing) = self.filled[..*required].iter().position(|filled| !filled) {
            return Err(PyTypeError::new_err(format!(
                "{function}() missing required argument '{}' (pos {})",
                parameters[missing],
                missing + 1
            )));
        }
        self.refused.map_or(Ok(()), Err)
    }

    fn complete_python(self) -> Result<(), PyErr> {
        let most = self.signature.positional;
        if self.given > most {
            return Err(self.too_many_for_python());
        }
        let required = self.signature.required;
        self.missing_for_python("positional", 0..required.min(most))?;
        self.missing_for_python("keyword-only", most.min(required)..required)
    }

    fn too_many_for_python(&self) -> PyErr {
        let function = self.signature.function;
        let receiver = usize::from(self.signature.words == Words::PythonMethod);
        let most = self.signature.positional + receiver;
        let required = self.signature.required + receiver;
        let given = self.given + receiver;
        let (takes, ending) = if required < most {
            (format!("from {required} to {most}"), "s")
        } else {
            (format!("{most}"), plural(most))
        };
        let named = match self.named_only {
            0 => String::new(),
            named => format!(
                " positional argument{} (and {named} keyword-only argument{})",
                plural(given),
                plural(named)
            ),
        };
        let verb = if given == 1 && named.is_empty() {
            "was"
        } else {
            "were"
        };
        PyTypeError::new_err(format!(
            "{function}() takes {takes} positional argument{ending} but {given}{named} {verb} given"
        ))
    }

    fn missing_for_python(&self, kind: &str, places: std::ops::Range<usize>) -> Result<(), PyErr> {
        let names: Vec<&str> = places
            .filter(|&index| !self.filled[index])
            .map(|index| self.signature.parameters[index])
            .collect();
        missing(self.signature.function, kind, &names)
    }
}

/// Refuses a call that lacks what is named, if anything is; a Python function's words.
pub(super) fn missing(function: &str, kind: &str, names: &[&str]) -> Result<(), PyErr> {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let listed = match quoted.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    };
    Err(PyTypeError::new_err(format!(
        "{function}() missing {} required {kind} argument{}: {listed}",
        names.len(),
        plural(names.len())
    )))
}

/// A keyword that the function does not have.
pub(super) fn unexpected(function: &str, keyword: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{function}() got an unexpected keyword argument '{keyword}'"
    ))
}

/// An argument given by position and by name; a Python function's words.
pub(super) fn given_twice(function: &str, name: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{function}() got multiple values for argument '{name}'"
    ))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
