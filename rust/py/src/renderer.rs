//! `_core.Renderer`: a loaded model folder.

use std::path::PathBuf;
use std::sync::Arc;

use everyturn_core as core;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::choice::Choice;
use crate::guard::{detached, detached_on};

#[pyclass(frozen, module = "everyturn._core")]
pub struct Renderer {
    pub core: Arc<core::Renderer>,
}

/// JSON text made by the Python face.
fn json(py: Python<'_>, text: &str) -> PyResult<core::Value> {
    let text = text.to_owned();
    detached_on(py, text.len(), move || core::parse_strict(text.as_bytes()))
}

fn list(py: Python<'_>, text: &str) -> PyResult<Vec<core::Value>> {
    match json(py, text)? {
        core::Value::Array(items) => Ok(items),
        other => Err(PyValueError::new_err(format!("messages are {}, expected a list", other.type_name()))),
    }
}

fn object(py: Python<'_>, text: &str) -> PyResult<core::Object> {
    match json(py, text)? {
        core::Value::Object(object) => Ok(object),
        other => Err(PyValueError::new_err(format!(
            "template arguments are {}, expected an object",
            other.type_name()
        ))),
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "one argument per field: Python's sources of a model are the struct"
)]
fn options(
    py: Python<'_>,
    chat_template: Option<String>,
    template_kwargs: &str,
    now: &str,
    engine: core::EngineChoice,
    needs_fast_engine: bool,
    serving: (Choice<core::Serve>, Choice<core::ContentFormat>),
    tokenizer_json: Option<String>,
    stop_token: Option<String>,
    limits: u32,
) -> PyResult<core::RendererOptions> {
    let (serve, content_format) = serving;
    let limits = core::LimitFactor::new(limits).ok_or_else(|| PyValueError::new_err("limits: 0"))?;
    Ok(core::RendererOptions {
        chat_template,
        template_kwargs: object(py, template_kwargs)?,
        now: now.parse().map_err(|error| PyValueError::new_err(format!("now: {error}")))?,
        engine,
        needs_fast_engine,
        serve: serve.0,
        content_format: content_format.0,
        tokenizer_json,
        stop_token,
        limits,
    })
}

/// Reports on a model's template, even if it is one that no `Renderer` can be made of.
#[pyfunction]
#[allow(
    clippy::too_many_arguments,
    reason = "one argument per field: Python's sources of a model are the struct"
)]
pub fn lint_model(
    py: Python<'_>,
    folder: PathBuf,
    chat_template: Option<String>,
    template_kwargs: &str,
    now: &str,
    serve: Choice<core::Serve>,
    content_format: Choice<core::ContentFormat>,
    tokenizer_json: Option<String>,
    stop_token: Option<String>,
    limits: u32,
) -> PyResult<String> {
    let engine = core::EngineChoice::Reference;
    let serving = (serve, content_format);
    let options = options(
        py,
        chat_template,
        template_kwargs,
        now,
        engine,
        false,
        serving,
        tokenizer_json,
        stop_token,
        limits,
    )?;
    detached(py, move || core::lint_model(&folder, options))
}

/// Reports on a template without a model.
#[pyfunction]
#[allow(
    clippy::too_many_arguments,
    reason = "one argument per field: Python's sources of a model are the struct"
)]
pub fn lint_template(
    py: Python<'_>,
    text: &str,
    template_kwargs: &str,
    now: &str,
    serve: Choice<core::Serve>,
    content_format: Choice<core::ContentFormat>,
    stop_token: Option<String>,
    limits: u32,
) -> PyResult<String> {
    let engine = core::EngineChoice::Reference;
    let serving = (serve, content_format);
    let options = options(py, None, template_kwargs, now, engine, false, serving, None, stop_token, limits)?;
    let text = text.to_owned();
    detached(py, move || core::lint_template(&text, options))
}

/// The indices of the messages that are left of the last exchanges, without a model.
#[pyfunction]
pub fn last_exchanges(py: Python<'_>, messages: &str, history_turns: Option<usize>) -> PyResult<Vec<usize>> {
    let bytes = messages.len();
    let messages = list(py, messages)?;
    detached_on(py, bytes, move || {
        let exchanges = core::Exchanges::of_messages(&messages)?;
        let bounds = exchanges.bounds(messages.len(), history_turns);
        Ok(exchanges.kept(*bounds.start(), messages.len()))
    })
}

#[pymethods]
impl Renderer {
    #[new]
    #[allow(
        clippy::too_many_arguments,
        reason = "one argument per field: Python's sources of a model are the struct"
    )]
    fn new(
        py: Python<'_>,
        folder: PathBuf,
        chat_template: Option<String>,
        template_kwargs: &str,
        now: &str,
        engine: Choice<core::EngineChoice>,
        needs_fast_engine: bool,
        serve: Choice<core::Serve>,
        content_format: Choice<core::ContentFormat>,
        tokenizer_json: Option<String>,
        stop_token: Option<String>,
        limits: u32,
    ) -> PyResult<Self> {
        let serving = (serve, content_format);
        let options = options(
            py,
            chat_template,
            template_kwargs,
            now,
            engine.0,
            needs_fast_engine,
            serving,
            tokenizer_json,
            stop_token,
            limits,
        )?;
        let renderer = detached(py, move || core::Renderer::from_dir(&folder, options))?;
        Ok(Self { core: Arc::new(renderer) })
    }

    fn lint(&self, py: Python<'_>) -> PyResult<String> {
        let renderer = self.core.clone();
        detached(py, move || Ok(renderer.lint()))
    }

    fn render(
        &self,
        py: Python<'_>,
        messages: &str,
        tools: Option<&str>,
        add_generation_prompt: bool,
        template_kwargs: &str,
    ) -> PyResult<String> {
        let bytes = messages.len() + tools.map_or(0, str::len) + template_kwargs.len();
        let messages = list(py, messages)?;
        let tools = tools.map(|tools| json(py, tools)).transpose()?;
        let kwargs = object(py, template_kwargs)?;
        let renderer = self.core.clone();
        detached_on(py, bytes, move || {
            renderer.render(&messages, tools.as_ref(), add_generation_prompt, &kwargs)
        })
    }

    /// The body of a request as JSON text.
    fn request(
        &self,
        py: Python<'_>,
        messages: &str,
        tools: Option<&str>,
        template_kwargs: &str,
    ) -> PyResult<String> {
        let bytes = messages.len() + tools.map_or(0, str::len) + template_kwargs.len();
        let messages = list(py, messages)?;
        let tools = tools.map(|tools| json(py, tools)).transpose()?;
        let kwargs = object(py, template_kwargs)?;
        let renderer = self.core.clone();
        detached_on(py, bytes, move || renderer.request(&messages, tools.as_ref(), &kwargs))
    }

    #[getter]
    fn server(&self) -> Option<String> {
        self.core.server()
    }

    #[getter]
    fn content_format(&self) -> Option<&'static str> {
        self.core.content_format()
    }

    #[getter]
    fn template_arguments(&self) -> Vec<&str> {
        self.core.template_arguments()
    }

    #[getter]
    fn unread_arguments(&self) -> Vec<&str> {
        self.core.unread_arguments()
    }

    #[getter]
    fn serving_note(&self) -> Option<&str> {
        self.core.serving_note()
    }

    #[getter]
    fn tokenizer_note(&self) -> Option<&str> {
        self.core.tokenizer_note()
    }

    fn window(
        &self,
        py: Python<'_>,
        messages: &str,
        tools: Option<&str>,
        template_kwargs: &str,
        history_turns: Option<usize>,
        max_prompt_tokens: usize,
    ) -> PyResult<Vec<usize>> {
        let messages = list(py, messages)?;
        let tools = tools.map(|tools| json(py, tools)).transpose()?;
        let kwargs = object(py, template_kwargs)?;
        let renderer = self.core.clone();
        detached(py, move || {
            renderer.window(&messages, tools.as_ref(), &kwargs, history_turns, max_prompt_tokens)
        })
    }

    fn encode<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyArray1<i32>>> {
        let (renderer, text) = (self.core.clone(), text.to_owned());
        let ids = detached_on(py, text.len(), move || renderer.encode(&text))?;
        Ok(ids.into_pyarray(py))
    }

    fn decode(&self, py: Python<'_>, ids: Vec<u32>) -> PyResult<String> {
        let renderer = self.core.clone();
        detached_on(py, size_of_val(&*ids), move || renderer.decode(&ids))
    }

    /// The bytes of all tokens in the order of their ids, and how many each has; `None` where texts are not joined from
    /// what their tokens spell.
    fn spelling<'py>(&self, py: Python<'py>) -> Option<(Bound<'py, PyBytes>, Bound<'py, PyArray1<i32>>)> {
        let spelling = self.core.spelling()?;
        Some((PyBytes::new(py, spelling.bytes), PyArray1::from_vec(py, spelling.lengths)))
    }

    #[getter]
    fn stop_token_ids(&self) -> Vec<u32> {
        self.core.stop_token_ids()
    }

    #[getter]
    fn asks_for_the_date(&self) -> bool {
        self.core.asks_for_the_date()
    }

    #[getter]
    fn engine(&self) -> String {
        self.core.engine()
    }

    #[getter]
    fn pad_token_id(&self) -> Option<u32> {
        self.core.pad_token_id()
    }

    #[getter]
    fn fingerprint(&self) -> &str {
        self.core.fingerprint()
    }
}
