//! Documents are made of known records, and read back whatever way their bytes arrive.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::io::{self, Read};

use proptest::prelude::*;

use super::{Beyond, DocumentReader, Shape, Stopped, shape_of};
use crate::conversation::Renames;
use crate::read::ReadOptions;
use crate::read::lines::LineText;
use crate::read::share::Share;

/// A reader that gives few bytes at a time.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(buffer.len()).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Numbers and texts of records, none for one that is too long; what is between them; how it ended.
#[derive(Debug, PartialEq, Default)]
struct Outcome {
    records: Vec<(u64, Option<String>)>,
    blank: u64,
    broken: Option<(u64, String)>,
}

struct How {
    step: usize,
    chunk: usize,
    max: usize,
    shares: Vec<Share>,
}

const AT_ONCE: How = How { step: 1 << 20, chunk: 1 << 20, max: 1 << 20, shares: Vec::new() };

fn read(text: &str, how: &How) -> Outcome {
    let bytes = Dribble(text.as_bytes(), how.step);
    let options = ReadOptions { max_line_bytes: how.max, ..ReadOptions::default() };
    let mut reader = DocumentReader::new(bytes, how.chunk, &options, how.shares.clone());
    let (mut read, mut copy) = (Outcome::default(), Vec::new());
    loop {
        match reader.next_chunk() {
            Ok(Some(chunk)) => {
                read.blank +=
                    chunk.blank_at_end + chunk.lines.iter().map(|line| line.blank_before).sum::<u64>();
                for line in chunk.lines {
                    let text = match line.text {
                        LineText::Bytes(range) => {
                            Some(String::from_utf8(chunk.bytes[range].to_vec()).unwrap())
                        }
                        LineText::TooLong => None,
                    };
                    read.records.push((line.number, text));
                }
                copy.extend(chunk.bytes);
            }
            Ok(None) => break,
            Err(Stopped::Broken(broken)) => {
                read.broken = Some((broken.line, broken.text));
            }
            Err(Stopped::Read(error)) => panic!("{error}"),
        }
    }
    if read.broken.is_none() && read.records.iter().all(|(_, text)| text.is_some()) {
        assert_eq!(String::from_utf8(copy).unwrap(), text, "chunks hold every byte");
    }
    read
}

/// The texts of the records at once.
fn texts(text: &str) -> Vec<String> {
    let read = read(text, &AT_ONCE);
    assert_eq!(read.broken, None, "{text}");
    read.records.into_iter().map(|(_, text)| text.unwrap()).collect()
}

/// A document that is written, and the records in it with the lines on which they start.
#[derive(Debug)]
struct Written {
    text: String,
    spaces: Vec<&'static str>,
    turn: usize,
    records: Vec<(u64, String)>,
}

impl Written {
    fn space(&mut self) {
        self.text.push_str(self.spaces[self.turn % self.spaces.len()]);
        self.turn += 1;
    }

    fn put(&mut self, token: &str) {
        self.space();
        self.text.push_str(token);
    }

    /// Writes a value as a record: with spaces at its commas.
    fn record(&mut self, record: &str) {
        self.space();
        let line = self.text.matches('\n').count() as u64 + 1;
        let start = self.text.len();
        for (i, part) in record.split_inclusive(',').enumerate() {
            if i > 0 {
                self.space();
            }
            self.text.push_str(part);
        }
        self.records.push((line, self.text[start..].to_owned()));
    }

    fn list(&mut self, records: &[&str]) {
        self.put("[");
        for (i, record) in records.iter().enumerate() {
            if i > 0 {
                self.put(",");
            }
            self.record(record);
        }
        self.put("]");
    }

    /// The numbers that the records get.
    fn numbered(&self) -> Vec<(u64, Option<String>)> {
        let mut number = 0;
        let numbered = self.records.iter().map(|(line, text)| {
            number = (number + 1).max(*line);
            (number, Some(text.clone()))
        });
        numbered.collect()
    }
}

const RECORDS: [&str; 8] = [
    r#"{"messages":[{"role":"user","content":"a ] } \" ; é"},{"role":"assistant","content":"\\"}]}"#,
    r#"{"conversations":[{"from":"human","value":"[{"}],"source":null}"#,
    r#"{"instruction":"x","instances":[{"instruction":"y"}]}"#,
    r#"[{"role":"user","content":"x"},{"role":"assistant","content":"\u00e9"}]"#,
    r#"{"id":"\"","messages":[]}"#,
    r#"{"completion":1,"n":-1.5e3,"t":true}"#,
    r#""{\"messages\": []}""#,
    r#"{"messages":{"broken" 1 2,}}"#,
];
/// Objects that show no format are records where nothing says that they hold some.
const OTHERS: [&str; 5] =
    ["{}", r#"{"a":[1,2]}"#, r#"{"a":[{"b":[]}],"c":{}}"#, r#"{"data":[]}"#, r#"{"a"}"#];
const AROUND: [&str; 4] =
    [r#""version":"1.0""#, r#""info":{"a":[1]}"#, r#""features":[{"name":"x"}]"#, r#""n":3"#];

fn document() -> impl Strategy<Value = Written> {
    let record = prop::sample::select(&RECORDS[..]);
    let any_record = prop_oneof![3 => record.clone(), 1 => prop::sample::select(&OTHERS[..])];
    let list =
        (record.clone(), prop::collection::vec(any_record.clone(), 0..4)).prop_map(|(first, mut rest)| {
            rest.insert(0, first);
            rest
        });
    let around = prop::collection::vec(prop::sample::select(&AROUND[..]), 0..3);
    // A broken object cannot show that what holds it is a list of records.
    let shown = prop::sample::select(&RECORDS[..7]);
    let part = prop_oneof![
        any_record.prop_map(|record| (vec![record], None)),
        list.clone().prop_map(|records| (records, Some((vec![], vec![], false)))),
        (shown, list, around.clone(), around).prop_map(|(first, mut rest, before, after)| {
            rest[0] = first;
            (rest, Some((before, after, true)))
        }),
    ];
    let space = prop::sample::select(vec!["", "", " ", "\n", "\r\n", "\n\n  ", "\t"]);
    (prop::collection::vec(part, 0..4), prop::collection::vec(space, 1..6)).prop_map(|(parts, spaces)| {
        let mut written = Written { text: String::new(), spaces, turn: 0, records: Vec::new() };
        for (records, list) in parts {
            match list {
                None => written.record(records[0]),
                Some((_, _, false)) => written.list(&records),
                Some((before, after, true)) => {
                    written.put("{");
                    for member in before {
                        written.put(member);
                        written.put(",");
                    }
                    written.put(r#""data":"#);
                    written.list(&records);
                    for member in after {
                        written.put(",");
                        written.put(member);
                    }
                    written.put("}");
                }
            }
        }
        written.space();
        written
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn records_do_not_depend_on_how_the_bytes_arrive(
        written in document(), step in 1_usize..9, chunk in 1_usize..40,
    ) {
        let read = read(&written.text, &How { step, chunk, ..AT_ONCE });
        prop_assert_eq!(&read.records, &written.numbered(), "{}", written.text);
        prop_assert_eq!(&read.broken, &None);
        let lines = written.text.lines().count() as u64;
        let last = read.records.last().map_or(0, |(number, _)| *number);
        prop_assert_eq!(read.blank + read.records.len() as u64, lines.max(last));
    }

    #[test]
    fn each_record_is_in_one_share_under_its_number(
        written in document(), count in 1_u64..4, first in 0_u64..3, chunk in 1_usize..40,
    ) {
        let whole = written.numbered();
        let mut found = Vec::new();
        for index in 0..count {
            let shares = vec![Share { index, count, first }];
            let part = read(&written.text, &How { step: 7, chunk, shares, ..AT_ONCE }).records;
            let of_share = |at: &u64| Share { index, count, first }.holds(at + 1);
            let expected = (0..).filter(of_share).map_while(|at| whole.get(usize::try_from(at).unwrap()));
            prop_assert!(part.iter().eq(expected));
            found.extend(part);
        }
        found.sort();
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn what_is_cut_off_gives_the_records_before_it_and_an_error(
        written in document(), part in any::<proptest::sample::Index>(), step in 1_usize..9,
    ) {
        let cut = part.index(written.text.len() + 1);
        let cut = (0..=cut).rev().find(|at| written.text.is_char_boundary(*at)).unwrap();
        let read = read(&written.text[..cut], &How { step, chunk: 9, ..AT_ONCE });
        let whole = written.numbered();
        prop_assert!(whole.starts_with(&read.records), "{:?}", read);
        if read.broken.is_none() {
            let rest = written.text[cut..].trim_start();
            prop_assert!(rest.is_empty() || rest.starts_with(['{', '[', '"']), "{rest}");
        }
    }

    #[test]
    fn records_over_the_limit_are_noted_and_the_others_read(
        written in document(), step in 1_usize..9, chunk in 1_usize..40, max in 1_usize..400,
    ) {
        let read = read(&written.text, &How { step, chunk, max, shares: Vec::new() });
        for (number, text) in &read.records {
            prop_assert!(text.as_ref().is_none_or(|text| text.len() <= max), "{number}");
        }
        let expected: Vec<_> = written.numbered();
        let short = expected.iter().filter(|(_, text)| text.as_ref().is_some_and(|text| text.len() <= max));
        // An object whose first record is too long is one itself: nothing shows what it holds.
        if max >= RECORDS.iter().map(|record| 3 * record.len()).max().unwrap() {
            prop_assert!(read.records.iter().filter(|(_, text)| text.is_some()).eq(short));
        }
    }

    #[test]
    fn any_text_is_read_to_an_end(text in r#"[\[\]{},:" \n\\a1-]{0,30}"#, step in 1_usize..5, chunk in 1_usize..9) {
        let slow = read(&text, &How { step, chunk, ..AT_ONCE });
        prop_assert_eq!(slow, read(&text, &AT_ONCE));
    }

    #[test]
    fn a_shape_is_the_same_however_much_is_seen(
        text in prop_oneof![
            document().prop_map(|written| written.text),
            r#"[\[\]{},:" \n\\a1-]{0,30}"#.prop_map(String::from),
        ],
    ) {
        let whole = shape_of(text.as_bytes(), Beyond::Nothing, &Renames::default());
        for length in 0..text.len() {
            if let Some(shape) = shape_of(&text.as_bytes()[..length], Beyond::More, &Renames::default()) {
                prop_assert_eq!(Some(shape), whole, "{:?} at {}", text, length);
            }
        }
    }
}

#[test]
fn lists_are_taken_apart_by_what_they_hold() {
    assert_eq!(texts(r#"[{"a": 1}, {"a": 2}]"#), [r#"{"a": 1}"#, r#"{"a": 2}"#]);
    assert_eq!(texts(r#"[{"role": "user"}, {"role": "x"}]"#), [r#"[{"role": "user"}, {"role": "x"}]"#]);
    assert_eq!(texts(r#"[[{"role": "user"}], []]"#), [r#"[{"role": "user"}]"#, "[]"]);
    assert_eq!(texts(r#"[{"from": "reddit", "messages": []}]"#), [r#"{"from": "reddit", "messages": []}"#]);
    assert_eq!(texts("[1, 2]"), ["[1, 2]"]);
    assert_eq!(texts("[ ]\n[\n]"), [""; 0]);
}

#[test]
fn objects_are_taken_apart_where_they_hold_records_and_are_none() {
    let whole = [
        r#"{"messages": [{"role": "user", "content": "x"}]}"#,
        r#"{"conversations": [{"from": "human", "value": "x"}]}"#,
        r#"{"data": [{"role": "user", "content": "x"}]}"#,
        r#"{"data": [{"speaker": "user", "text": "x"}]}"#,
        r#"{"data": ["a", "b"]}"#,
        r#"{"instruction": "x", "instances": [{"instruction": "y"}]}"#,
        r#"{"data": {"rows": [{"messages": []}]}}"#,
    ];
    for text in whole {
        assert_eq!(texts(text), [text]);
    }
    for key in ["data", "rows", "conversations", "train", "any name"] {
        let text = format!(r#"{{"n": [1], "{key}": [{{"messages": []}}, {{}}], "m": {{"a": []}}}}"#);
        assert_eq!(texts(&text), [r#"{"messages": []}"#, "{}"]);
    }
    let lists = r#"{"data": [[{"from": "human", "value": "x"}]]}"#;
    assert_eq!(texts(lists), [r#"[{"from": "human", "value": "x"}]"#]);
}

#[test]
fn what_breaks_a_document_is_named_with_its_line() {
    let list = "[\n{\"a\": 1},\n";
    for (rest, line, text) in [
        ("{\"a\": 2}", 3, "the file ends within a list of records"),
        ("{\"a\": 2", 3, "the file ends within the record that starts on line 3"),
        ("{\"a\": 2}]\n\nrest", 5, "found 'r', expected the end of the file"),
        ("{\"a\": 2}]\n\0\0\0", 4, "the rest of the file is NUL bytes"),
        ("{\"a\": 2}]]", 3, "found ']', expected the end of the file"),
        ("{\"a\": [}]}", 3, "found '}', expected ']'"),
        ("{\"a\": \"x}\n]", 3, "the line ends within a string"),
        ("\n]", 4, "found ']', expected a record"),
        ("{} {}]", 3, "found '{', expected ',' or ']'"),
    ] {
        let read = read(&format!("{list}{rest}"), &AT_ONCE);
        let (found_line, found) = read.broken.unwrap();
        assert_eq!(found_line, line, "{rest}");
        assert!(found.starts_with(text), "{found}");
        assert_eq!(read.records[0], (2, Some("{\"a\": 1}".to_owned())));
    }
}

#[test]
fn beside_a_list_of_records_is_nothing_that_they_need() {
    for (text, named) in [
        (r#"{"train": [{"messages": []}], "test": [{"messages": []}]}"#, r#""test" beside "train""#),
        (r#"{"data": [{"messages": []}], "tools": []}"#, r#"beside it "tools""#),
        (r#"{"system": "x", "data": [{"conversations": []}]}"#, r#"beside it "system""#),
    ] {
        let (_, found) = read(text, &AT_ONCE).broken.unwrap();
        assert!(found.contains(named), "{found}");
    }
}

#[test]
fn numbers_of_a_document_of_one_line_count_its_records() {
    let numbers =
        |text: &str| read(text, &AT_ONCE).records.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    assert_eq!(numbers(r#"[{"a":1},{"a":2},{"a":3}]"#), [1, 2, 3]);
    assert_eq!(numbers("[\n{\"a\":1},\n\n{\"a\":2}]"), [2, 4]);
    assert_eq!(numbers("[{},{},{},\n{},\n\n\n{}]"), [1, 2, 3, 4, 5]);
}

#[test]
fn the_first_bytes_tell_lines_from_documents() {
    let lines = [
        "",
        "\n\n",
        "{\"messages\": []}",
        "{\"messages\": []}\n{\"messages\": []}\n",
        "{bad\n{\"messages\": []}\n",
        "[1\n{\"messages\": []}\n",
        "{\"messages\": [{\"role\": \"us\n{\"messages\": []}\n",
        "{\"messages\": [{\"role\": \"us",
        "[{\"role\": \"user\"}]\n[{\"role\": \"user\"}]\n",
        "[1]\n[2]\n",
        "\"{}\"\n\"{}\"\n",
        "{\"a\": 1},\n{\"a\": 2}\n",
        "[]\n[]\n",
        "[{}]\nnull\n",
        "prompt,completion\n",
    ];
    let documents = [
        "[{\"a\": 1}]",
        " \n[\n",
        "[\n{\"a\": 1},\n{\"a\": 2},\n",
        "[{\"a\": 1},\n{\"a\": 2},\n",
        "[{\"a\": 1}, {\"a",
        "{\n  \"messages\": [",
        "{\n  \"messages\": [],\n  \"score\": NaN, nan\n}",
        "{\"messages\": []}{\"messages\": []}",
        "{\"messages\": []} {\"messages\": []}\n",
        "{\"v\": 1, \"data\": [{\"messages\": []}",
        "{\"data\": [{\"messages\": []}]}\n{\"data\": [{\"messages\": []}]}\n",
        "[\"{\\\"messages\\\": []}\"",
        "[[{\"role\": \"user\"}]",
        "[]",
        "[]\n\n",
        // An object around records, under whatever key.
        "{\"conversations\": [\n{\"messages\": []}\n",
    ];
    for (texts, shape) in [(&lines[..], Shape::Lines), (&documents[..], Shape::Document)] {
        for text in texts {
            assert_eq!(
                shape_of(text.as_bytes(), Beyond::Nothing, &Renames::default()),
                Some(shape),
                "{text}"
            );
        }
    }
}
