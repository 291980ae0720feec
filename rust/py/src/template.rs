//! `_core.Template`: a chat template without a model, as tests and lint use it.

use std::sync::Arc;

use everyturn_core as core;
use everyturn_template::{Arena, Inputs, Node, Step, Value};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::errors::to_python;
use crate::guard::{attached, detached_on};

/// About how many bytes a message of a short conversation has.
const FEW_BYTES_EACH: usize = 100;

#[pyclass(frozen, module = "everyturn._core")]
pub struct Template(Arc<core::PlainTemplate>);

#[pymethods]
impl Template {
    #[new]
    #[pyo3(signature = (source, *, now=None))]
    fn new(py: Python<'_>, source: &str, now: Option<&str>) -> PyResult<Self> {
        let now = now.unwrap_or("1970-01-01T00:00:00").parse();
        let now = now.map_err(|error| PyValueError::new_err(format!("now: {error}")))?;
        let source = source.to_owned();
        detached_on(py, source.len(), move || core::PlainTemplate::compile(&source, now).map(Arc::new))
            .map(Self)
    }

    /// Renders with any variables.
    fn render(&self, py: Python<'_>, variables: &Bound<'_, PyDict>) -> PyResult<String> {
        let arena = Arena::new();
        let mut inputs = Inputs::new(&arena);
        let mut given = Vec::new();
        for (name, value) in variables {
            let name = &*arena.alloc_str(name.cast::<PyString>()?.to_str()?);
            let node = inputs.place(Node::NONE, Step::Variable(name));
            given.push((name, convert(&arena, &mut inputs, node, &value)?));
        }
        attached(py, || {
            let rendering = self.0.render(&given, inputs.bytes()).map_err(|error| to_python(py, &error))?;
            Ok(rendering.text)
        })
    }

    /// Renders messages as `apply_chat_template` does.
    #[pyo3(signature = (messages, *, tools=None, documents=None, add_generation_prompt=false, variables=None))]
    fn apply(
        &self,
        py: Python<'_>,
        messages: &Bound<'_, PyAny>,
        tools: Option<&Bound<'_, PyAny>>,
        documents: Option<&Bound<'_, PyAny>>,
        add_generation_prompt: bool,
        variables: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<String> {
        let (messages, tools, kwargs) = given(py, messages, tools, documents, variables)?;
        let template = self.0.clone();
        detached_on(py, messages.len() * FEW_BYTES_EACH, move || {
            template.apply(&messages, tools.as_ref(), add_generation_prompt, &kwargs)
        })
    }

    /// Renders the first n messages for each n of `counts`, in rising order: what `apply` gives for each, or the
    /// text of the error after "error: ".
    #[pyo3(signature = (messages, counts, *, tools=None, documents=None, add_generation_prompt=false, variables=None))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn apply_each(
        &self,
        py: Python<'_>,
        messages: &Bound<'_, PyAny>,
        counts: Vec<usize>,
        tools: Option<&Bound<'_, PyAny>>,
        documents: Option<&Bound<'_, PyAny>>,
        add_generation_prompt: bool,
        variables: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<String>> {
        let (messages, tools, kwargs) = given(py, messages, tools, documents, variables)?;
        let template = self.0.clone();
        let texts = detached_on(py, messages.len() * FEW_BYTES_EACH, move || {
            template.apply_each(&messages, &counts, tools.as_ref(), add_generation_prompt, &kwargs)
        })?;
        Ok(texts.into_iter().map(|text| text.unwrap_or_else(|error| format!("error: {error}"))).collect())
    }
}

/// Messages, tools, and the other variables.
type Given = (Vec<core::Value>, Option<core::Value>, core::Object);

fn given(
    py: Python<'_>,
    messages: &Bound<'_, PyAny>,
    tools: Option<&Bound<'_, PyAny>>,
    documents: Option<&Bound<'_, PyAny>>,
    variables: Option<&Bound<'_, PyDict>>,
) -> PyResult<Given> {
    let json = |value: &Bound<'_, PyAny>| -> PyResult<core::Value> {
        let text: String = py.import("json")?.call_method1("dumps", (value,))?.extract()?;
        detached_on(py, text.len(), move || core::parse_strict(text.as_bytes()))
    };
    let core::Value::Array(messages) = json(messages)? else {
        return Err(PyTypeError::new_err("messages are not a list"));
    };
    let mut kwargs: Vec<(Arc<str>, core::Value)> = Vec::new();
    if let Some(documents) = documents {
        kwargs.push(("documents".into(), json(documents)?));
    }
    for (name, value) in variables.into_iter().flatten() {
        kwargs.push((name.cast::<PyString>()?.to_str()?.into(), json(&value)?));
    }
    let kwargs = kwargs.into_iter().collect();
    Ok((messages, tools.map(json).transpose()?, kwargs))
}

fn convert<'a>(
    arena: &'a Arena,
    inputs: &mut Inputs<'a>,
    node: Node,
    value: &Bound<'_, PyAny>,
) -> PyResult<Value<'a>> {
    if value.is_none() {
        return Ok(Value::None);
    }
    if let Ok(bool) = value.cast::<PyBool>() {
        return Ok(Value::Bool(bool.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        return match value.extract() {
            Ok(int) => Ok(Value::Int(int)),
            Err(_) => Ok(inputs.big_int(arena.alloc_str(value.str()?.to_str()?))),
        };
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(Value::Float(float.extract()?));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(inputs.text(node, arena.alloc_str(text.to_str()?)));
    }
    let mut items = |items: &mut dyn Iterator<Item = Bound<'_, PyAny>>| -> PyResult<Vec<Value<'a>>> {
        let item = |(i, item): (usize, Bound<'_, PyAny>)| {
            let place = inputs.place(node, Step::Index(u32::try_from(i).unwrap_or(u32::MAX)));
            convert(arena, inputs, place, &item)
        };
        items.enumerate().map(item).collect()
    };
    if let Ok(list) = value.cast::<PyList>() {
        let items = items(&mut list.iter())?;
        return Ok(inputs.list(node, &items));
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        let items = items(&mut tuple.iter())?;
        return Ok(inputs.tuple(node, &items));
    }
    let dict = value.cast::<PyDict>()?;
    let mut pairs = Vec::with_capacity(dict.len());
    for (key, value) in dict {
        let key = &*arena.alloc_str(key.cast::<PyString>()?.to_str()?);
        let place = inputs.place(node, Step::Key(key));
        pairs.push((key, convert(arena, inputs, place, &value)?));
    }
    Ok(inputs.dict(node, pairs.into_iter()))
}
