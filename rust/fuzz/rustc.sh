#!/bin/sh
# Counts coverage as cargo-fuzz has it counted, in the project's own crates alone: what libFuzzer does after each run takes as
# long as there are counters. Without the sanitizers, which stable Rust does not have.
case " $* " in
*" --crate-name everyturn"* | *" targets/"*)
    exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=16
    ;;
*) exec "$@" ;;
esac
