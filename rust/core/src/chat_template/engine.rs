//! The template engine, behind one seam: template, messages, tools and variables to text.
//!
//! minijinja, set up as transformers sets up Jinja2 and patched where the two differ on the constructs that
//! templates here use. What it cannot do is an error at load or at that record.

use std::io;
use std::sync::Arc;

use jiff::civil::DateTime;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value as JinjaValue;
use minijinja::{Environment, UndefinedBehavior};

use super::{functions, python};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Object, Value};

/// Instructions that one rendering may take: minutes of no answer are worse than an error.
const FUEL: u64 = 50_000_000;
/// Bytes that one rendering may write.
const MAX_OUTPUT_BYTES: usize = 256 << 20;
const NAME: &str = "chat_template";

/// A value of the engine's own, made from JSON once and shared between renderings.
#[derive(Clone)]
pub struct Input(JinjaValue);

impl Input {
    pub fn from_json(value: &Value) -> Self {
        Self(jinja_value(value))
    }

    pub fn from_object(object: &Object) -> Self {
        Self(jinja_object(object))
    }
}

fn jinja_value(value: &Value) -> JinjaValue {
    match value {
        Value::Null => JinjaValue::from(()),
        Value::Bool(bool) => JinjaValue::from(*bool),
        Value::Number(number) => python::jinja_number(number),
        Value::String(text) => JinjaValue::from(text.clone()),
        Value::Array(items) => items.iter().map(jinja_value).collect(),
        Value::Object(object) => jinja_object(object),
    }
}

fn jinja_object(object: &Object) -> JinjaValue {
    JinjaValue::from_pairs(
        object.iter().map(|(key, value)| (JinjaValue::from(key.clone()), jinja_value(value))),
    )
}

pub struct Engine {
    environment: Environment<'static>,
}

impl Engine {
    pub fn compile(source: &str, now: DateTime) -> Result<Self> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| template_error(&error))?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        functions::install(&mut environment, now);
        environment
            .add_template_owned(NAME, without_generation_tags(&newlines_as_jinja(source)))
            .map_err(|error| template_error(&error))?;
        Ok(Self { environment })
    }

    pub fn render(
        &self,
        messages: &[Input],
        tools: Option<&Input>,
        add_generation_prompt: bool,
        variables: &[(Arc<str>, Input)],
    ) -> Result<String> {
        let none = JinjaValue::from(());
        let messages: JinjaValue = messages.iter().map(|message| message.0.clone()).collect();
        let tools = tools.map_or_else(|| none.clone(), |tools| tools.0.clone());
        let ours = [
            ("messages", messages),
            ("tools", tools),
            ("documents", none),
            ("add_generation_prompt", JinjaValue::from(add_generation_prompt)),
        ];
        let theirs = variables.iter().map(|(name, value)| (JinjaValue::from(name.clone()), value.0.clone()));
        let context = JinjaValue::from_pairs(
            ours.into_iter().map(|(name, value)| (JinjaValue::from(name), value)).chain(theirs),
        );
        let mut output = Bounded(Vec::new());
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render_captured_to(context, &mut output).map(drop))
            .map_err(|error| template_error(&error))?;
        String::from_utf8(output.0)
            .map_err(|_| Error::new(ErrorKind::Template, "the template wrote text that is not UTF-8"))
    }
}

fn template_error(error: &minijinja::Error) -> Error {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let text = match error.line() {
        Some(line) => format!("the chat template (line {line}) says: {detail}"),
        None => format!("the chat template says: {detail}"),
    };
    Error::new(ErrorKind::Template, text)
}

/// Jinja2 turns every line end of a template into a newline, inside string literals too.
fn newlines_as_jinja(source: &str) -> String {
    source.replace("\r\n", "\n").replace('\r', "\n")
}

/// `{% generation %}` marks what the model writes; it is a scope and prints its body. `with` is the same to text.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let inner = tag[2..].trim_start_matches(['-', '+']);
        let word = inner.trim_start();
        let replaced =
            [("generation", "with"), ("endgeneration", "endwith")].into_iter().find(|(name, _)| {
                word.strip_prefix(name)
                    .is_some_and(|after| after.trim_start().trim_start_matches(['-', '+']).starts_with("%}"))
            });
        if let Some((name, with)) = replaced {
            let name_at = tag.len() - word.len();
            out.push_str(&tag[..name_at]);
            out.push_str(with);
            rest = &tag[name_at + name.len()..];
        } else {
            out.push_str("{%");
            rest = &tag[2..];
        }
    }
    out.push_str(rest);
    out
}

/// A writer with an end: a template that doubles a text must not take the process with it.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT_BYTES {
            return Err(io::Error::other(format!("more than {MAX_OUTPUT_BYTES} bytes of output")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
