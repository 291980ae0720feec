//! A tokenizer.json in the place of the built-in model's: it is refused, or encodes. A panic of the library is an error
//! of its own kind wherever the core is called, so it is no finding here; running out of memory or time is.

#![no_main]

use std::path::Path;

use everyturn_core::{Renderer, catch_panics};
use everyturn_fuzz::{DEMO, renderer_options};
use libfuzzer_sys::fuzz_target;

const TEXT: &str = "Hello <|im_end|> wörld,\n  12 of 345! \u{1f600}\u{301}";

fuzz_target!(
    init: {
        std::panic::set_hook(Box::new(|_| ()));
    },
    |json: &str| {
        let options = renderer_options(Some(json.to_owned()));
        let _ = catch_panics(|| Renderer::from_dir(Path::new(DEMO), options)?.encode(TEXT));
    }
);
